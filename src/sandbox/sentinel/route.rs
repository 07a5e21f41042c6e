//! Where a request goes: the resource manager's paths, in any case (sentinel-api 0, 2.1, 3).

use crate::sandbox::wire::Request;

/// A path below a workspace's Sentinel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Subscription as sent.
    pub subscription: String,
    /// Resource group as sent.
    pub group: String,
    /// Workspace as sent.
    pub workspace: String,
    /// What is addressed there.
    pub place: Place,
}

/// What a path addresses below the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// `/onboardingStates/default`
    Onboarding,
    /// `/incidents`
    Incidents,
    /// `/incidents/{id}`
    Incident(String),
    /// `/incidents/{id}/{part}`
    Part(String, Part),
    /// `/incidents/{id}/{part}/{item}`
    Item(String, Part, String),
    /// Anything else, by its first segment.
    Unknown(String),
}

/// What hangs on an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Alerts, read by POST.
    Alerts,
    /// Bookmarks, read by POST.
    Bookmarks,
    /// Entities, read by POST.
    Entities,
    /// Comments.
    Comments,
    /// Relations.
    Relations,
    /// Tasks.
    Tasks,
    /// The POST that starts a playbook.
    RunPlaybook,
}

/// What a request needs permission for, which is also how it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Right {
    /// Reading.
    Read,
    /// Creating and changing.
    Write,
    /// Deleting.
    Delete,
}

/// The path's segments, decoded, empty ones dropped.
pub(super) fn segments(path: &str) -> Vec<String> {
    path.split('/').filter(|s| !s.is_empty()).map(decode).collect()
}

/// Undoes percent-encoding; broken escapes stay as they are.
pub(super) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let hex = bytes.get(at + 1..at + 3).and_then(|h| std::str::from_utf8(h).ok());
        let value = hex.and_then(|h| u8::from_str_radix(h, 16).ok());
        if let (b'%', Some(value)) = (byte, value) {
            out.push(value);
            at += 3;
        } else {
            out.push(*byte);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

impl Target {
    /// Reads a path that begins with `/subscriptions`, none if it leads elsewhere.
    pub fn read(request: &Request) -> Option<Self> {
        let segments = segments(&request.path);
        let fixed = [
            (0, "subscriptions"),
            (2, "resourcegroups"),
            (4, "providers"),
            (5, "microsoft.operationalinsights"),
            (6, "workspaces"),
            (8, "providers"),
            (9, "microsoft.securityinsights"),
        ];
        for (at, word) in fixed {
            if !segments.get(at)?.eq_ignore_ascii_case(word) {
                return None;
            }
        }
        Some(Self {
            subscription: segments.get(1)?.clone(),
            group: segments.get(3)?.clone(),
            workspace: segments.get(7)?.clone(),
            place: place(segments.get(10..).unwrap_or_default()),
        })
    }
}

fn place(rest: &[String]) -> Place {
    let unknown = || Place::Unknown(rest.first().cloned().unwrap_or_default());
    let lower: Vec<String> = rest.iter().map(|s| s.to_ascii_lowercase()).collect();
    match (lower.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), rest) {
        (["onboardingstates", "default"], _) => Place::Onboarding,
        (["incidents"], _) => Place::Incidents,
        (["incidents", _], [_, id]) => Place::Incident(id.clone()),
        (["incidents", _, part], [_, id, _]) => match part_of(part) {
            Some(part) => Place::Part(id.clone(), part),
            None => unknown(),
        },
        (["incidents", _, part, _], [_, id, _, item]) => match part_of(part) {
            Some(part @ (Part::Comments | Part::Relations | Part::Tasks)) => {
                Place::Item(id.clone(), part, item.clone())
            }
            _ => unknown(),
        },
        _ => unknown(),
    }
}

fn part_of(word: &str) -> Option<Part> {
    Some(match word {
        "alerts" => Part::Alerts,
        "bookmarks" => Part::Bookmarks,
        "entities" => Part::Entities,
        "comments" => Part::Comments,
        "relations" => Part::Relations,
        "tasks" => Part::Tasks,
        "runplaybook" => Part::RunPlaybook,
        _ => return None,
    })
}

impl Place {
    /// The right and the action that a method needs here, none if the method is not one of this
    /// place. Action strings as 403s name them (sentinel-api 1.4).
    pub fn action(&self, method: &str) -> Option<(Right, String)> {
        let (what, right) = match (self, method) {
            (Self::Onboarding, "GET") => ("onboardingStates", Right::Read),
            (Self::Incidents | Self::Incident(_), "GET") => ("incidents", Right::Read),
            (Self::Incident(_), "PUT") => ("incidents", Right::Write),
            (Self::Incident(_), "DELETE") => ("incidents", Right::Delete),
            (Self::Part(_, Part::RunPlaybook), "POST") => {
                return Some((
                    Right::Write,
                    "Microsoft.SecurityInsights/incidents/runPlaybook/action".into(),
                ));
            }
            (Self::Part(_, part @ (Part::Alerts | Part::Bookmarks | Part::Entities)), "POST") => {
                (part.action(), Right::Read)
            }
            (Self::Part(_, part @ (Part::Comments | Part::Relations | Part::Tasks)), "GET") => {
                (part.action(), Right::Read)
            }
            (Self::Item(_, part, _), "GET") => (part.action(), Right::Read),
            (Self::Item(_, part, _), "PUT") => (part.action(), Right::Write),
            (Self::Item(_, part, _), "DELETE") => (part.action(), Right::Delete),
            _ => return None,
        };
        let verb = match right {
            Right::Read => "read",
            Right::Write => "write",
            Right::Delete => "delete",
        };
        Some((right, format!("Microsoft.SecurityInsights/{what}/{verb}")))
    }

    /// The provider's five-minute floor for this endpoint, with its name (sentinel-api 5.2).
    pub fn floor(&self, right: Right) -> Option<(&'static str, f64)> {
        let part = match self {
            Self::Part(_, part) | Self::Item(_, part, _) => Some(*part),
            _ => None,
        };
        match (self, part, right) {
            (Self::Incident(_), _, Right::Write) => Some(("put incidents", 75.0)),
            (_, Some(Part::Comments), Right::Read) => Some(("get comments", 100.0)),
            (_, Some(Part::Alerts), Right::Read) => Some(("get alerts", 100.0)),
            (_, Some(Part::Entities), Right::Read) => Some(("get entities", 100.0)),
            (_, Some(Part::Bookmarks), Right::Read) => Some(("get bookmarks", 100.0)),
            (_, Some(Part::Relations), Right::Read) => Some(("get relations", 100.0)),
            (_, Some(Part::Comments), Right::Write) => Some(("put comments", 75.0)),
            (_, Some(Part::Relations), Right::Write) => Some(("put relations", 75.0)),
            _ => None,
        }
    }
}

impl Part {
    fn action(self) -> &'static str {
        match self {
            Self::Alerts => "incidents/alerts",
            Self::Bookmarks => "incidents/bookmarks",
            Self::Entities => "incidents/entities",
            Self::Comments => "incidents/comments",
            Self::Relations => "incidents/relations",
            Self::Tasks => "incidents/tasks",
            Self::RunPlaybook => "incidents/runPlaybook",
        }
    }
}
