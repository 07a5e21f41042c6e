//! Acts on the Sentinel side, as people do them in the portal and detections do them alone.

use super::phrases::{self, gist, portal_html};
use super::{AnalystEntry, Analysts, Deed, classifications};
use crate::sandbox::people::CAST;
use crate::sandbox::seed_data;
use crate::sandbox::sentinel::{IncidentAct, IncidentFacts, SentinelWorld};
use crate::sandbox::side::Side;
use crate::text::Stamp;

const SEVERITIES: [&str; 4] = ["High", "Medium", "Low", "Informational"];

impl Analysts {
    /// Does `deed` in one of the workspaces; `None` when it cannot be done there now.
    pub(super) fn at_portal(
        &mut self,
        world: &mut SentinelWorld,
        workspaces: &[String],
        deed: Deed,
        now: Stamp,
    ) -> Option<AnalystEntry> {
        if workspaces.is_empty() {
            return None;
        }
        let workspace = workspaces[self.rng.usize(..workspaces.len())].clone();
        if deed == Deed::Raise {
            return self.raise(world, &workspace, now);
        }
        let facts = self.pick_incident(world, &workspace)?;
        let (act, what, token) = self.portal_act(world, &workspace, &facts, deed)?;
        let who = self.person();
        world.act(&workspace, &facts.guid, &act, who, now).ok()?;
        let name = match act {
            IncidentAct::AddAlert(_) => "Microsoft Sentinel",
            IncidentAct::AutoClose => "Microsoft Defender XDR",
            IncidentAct::AutoReopen(_) => "Alert grouping",
            _ => who.name,
        };
        Some(AnalystEntry {
            at: now,
            who: name.to_owned(),
            side: Side::Sentinel,
            what,
            target: format!("{workspace}/{}", facts.number),
            token,
        })
    }

    fn raise(&mut self, world: &mut SentinelWorld, workspace: &str, now: Stamp) -> Option<AnalystEntry> {
        let mut draft = seed_data::draft(&mut self.rng).ok()?;
        let token = self.token();
        if !draft.description.is_empty() {
            draft.description.push_str("\n\n");
        }
        draft.description.push_str(&format!("Detection run {token}"));
        let (product, title) = (draft.product.clone(), gist(&draft.title));
        let guid = world.raise(workspace, draft, now);
        let number = world.fact(workspace, &guid).map_or(0, |f| f.number);
        Some(AnalystEntry {
            at: now,
            who: product,
            side: Side::Sentinel,
            what: format!("raised “{title}”"),
            target: format!("{workspace}/{number}"),
            token: Some(token),
        })
    }

    fn pick_incident(&mut self, world: &SentinelWorld, workspace: &str) -> Option<IncidentFacts> {
        let guids = world.guids(workspace);
        let index = self.recent(guids.len())?;
        world.fact(workspace, &guids[index])
    }

    /// The act itself, how a log tells it, and its token.
    fn portal_act(
        &mut self,
        world: &SentinelWorld,
        workspace: &str,
        facts: &IncidentFacts,
        deed: Deed,
    ) -> Option<(IncidentAct, String, Option<String>)> {
        let closed = facts.status == "Closed";
        let plain = |act, what: String| Some((act, what, None));
        match deed {
            Deed::Severity if !closed => {
                let other: Vec<&str> = SEVERITIES.into_iter().filter(|s| *s != facts.severity).collect();
                let to = other[self.rng.usize(..other.len())];
                plain(IncidentAct::Severity(to.into()), format!("severity {} → {to}", facts.severity))
            }
            Deed::Status if !closed => {
                let to = if facts.status == "New" { "Active" } else { "New" };
                // Back to New is rare.
                if to == "New" && self.rng.f64() < 0.8 {
                    return None;
                }
                plain(IncidentAct::Status(to.into()), format!("status {} → {to}", facts.status))
            }
            Deed::Owner if !closed => {
                if facts.owner_upn.is_some() && self.rng.f64() < 0.12 {
                    return plain(IncidentAct::Owner(None), "owner cleared".into());
                }
                let to = self.person();
                if facts.owner_upn.as_deref() == Some(to.upn) {
                    return None;
                }
                plain(IncidentAct::Owner(Some(to)), format!("owner → {}", to.name))
            }
            Deed::Comment | Deed::Wording | Deed::Close => self.portal_text(facts, deed),
            Deed::DeleteComment => {
                let by_person = |author: &str| CAST.iter().any(|p| p.name == author);
                let last = facts.comments.iter().rfind(|c| by_person(&c.author_name))?;
                plain(IncidentAct::DeleteComment(last.id.clone()), "deleted a comment".into())
            }
            Deed::Label => {
                let label =
                    self.rng.choice(["reviewed", "phishing-wave-7", "Région Est", "vip", "red-team?"])?;
                if facts.labels.iter().any(|l| l == label) {
                    return None;
                }
                plain(IncidentAct::Label(label.into()), format!("label {label}"))
            }
            Deed::Alert if !closed => {
                let alert = seed_data::more_alert(&mut self.rng).ok()?;
                let what = format!("alert “{}”", gist(&alert.display_name));
                plain(IncidentAct::AddAlert(alert), what)
            }
            Deed::Reopen if closed => plain(IncidentAct::Reopen, "reopened".into()),
            Deed::AutoClose if !closed => plain(IncidentAct::AutoClose, "closed by itself".into()),
            Deed::AutoReopen if closed => {
                let alert = seed_data::more_alert(&mut self.rng).ok()?;
                plain(IncidentAct::AutoReopen(alert), "reopened by a new alert".into())
            }
            Deed::Merge if !closed => {
                let survivor = self.pick_incident(world, workspace)?;
                if survivor.guid == facts.guid || survivor.status == "Closed" {
                    return None;
                }
                let what = format!("merged into {}", survivor.number);
                plain(IncidentAct::MergeInto { survivor_guid: survivor.guid }, what)
            }
            _ => None,
        }
    }

    /// Acts that write text.
    fn portal_text(
        &mut self,
        facts: &IncidentFacts,
        deed: Deed,
    ) -> Option<(IncidentAct, String, Option<String>)> {
        let closed = facts.status == "Closed";
        if closed && deed != Deed::Comment {
            return None;
        }
        // People mostly look before they close.
        if deed == Deed::Close && facts.status == "New" && self.rng.f64() < 0.8 {
            return None;
        }
        let token = self.token();
        let (act, what) = match deed {
            Deed::Comment => {
                // The service keeps at most 100 comments.
                if facts.comments.len() >= 90 {
                    return None;
                }
                let text = phrases::comment(&mut self.rng, &token);
                let what = format!("comment “{}”", gist(&text));
                let html = if self.rng.f64() < 0.8 { portal_html(&text) } else { text };
                (IncidentAct::Comment(html), what)
            }
            Deed::Wording if self.rng.bool() => {
                let base = facts.title.split(" [").next().unwrap_or_default();
                let title = format!("{base} [{token}]");
                (IncidentAct::Title(title), "title edited".to_owned())
            }
            Deed::Wording => {
                let words = phrases::comment(&mut self.rng, &token);
                let mut text = facts.description.split("\n\nUpdate: ").next().unwrap_or_default().to_owned();
                text.push_str(&format!("\n\nUpdate: {words}"));
                (IncidentAct::Description(text), "description edited".to_owned())
            }
            _ => {
                let (classification, reason) = classifications(&mut self.rng);
                let comment = phrases::closing(&mut self.rng, &token);
                let what = format!("closed as {classification}");
                (IncidentAct::Close { classification, reason, comment }, what)
            }
        };
        Some((act, what, Some(token)))
    }
}
