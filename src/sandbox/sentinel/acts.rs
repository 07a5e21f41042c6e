//! What happens to incidents outside the API: detections raise them, people work on them in the
//! portal, Defender merges, closes and reopens them.

use std::sync::Arc;

use super::alerts::{Alert, Bookmark, MOST_ALERTS, MOST_BOOKMARKS};
use super::changes::Actor;
use super::clock::Tick;
use super::closing;
use super::desk::Desk;
use super::draft::{AlertDraft, IncidentAct, IncidentDraft};
use super::entities::Entity;
use super::errors::Refusal;
use super::incident::{Face, Incident, Label, Link, Origin};
use super::owner::Owner;
use super::relations::unite;
use super::replacement::{DESCRIPTION_MAX, clear_closing};
use super::switches::Bump;

/// What an act gives: nothing, or why it was not possible.
type Acted = Result<(), String>;

impl Desk<'_> {
    /// Raises an incident and gives its GUID.
    pub fn raise(&mut self, draft: IncidentDraft) -> String {
        self.ledger.begin();
        let guid = self.ledger.guid();
        let mut face = Face::new(&draft.title, &draft.severity, "New", self.now);
        let description: String = draft.description.chars().take(DESCRIPTION_MAX).collect();
        face.description = Some(description).filter(|d| !d.is_empty());
        face.labels = draft.labels.iter().map(|l| Label { name: l.clone(), automatic: true }).collect();
        face.owner = draft.owner.map(Owner::person).unwrap_or_default();
        face.etag = self.ledger.quoted_etag(self.now);
        unite(&mut face.tactics, &draft.tactics);
        unite(&mut face.techniques, &draft.techniques);
        unite(&mut face.products, std::slice::from_ref(&draft.product));
        let origin = if draft.defender { Origin::Defender } else { Origin::Native };
        let number = self.add(guid.clone(), origin, face);
        self.note(number, "created", None, None, Some(draft.title));
        for alert in draft.alerts.into_iter().take(MOST_ALERTS) {
            self.receive(number, alert, Bump::None);
        }
        let base = self.shop.base.clone();
        let entities = draft.entities.into_iter().map(|e| Entity::new(e, &base)).collect();
        if let Some(incident) = self.shop.incidents.get_mut(&number) {
            incident.entities = entities;
            // An incident appears whole: what it went through above was never seen by a list.
            incident.past.clear();
        }
        guid
    }

    fn receive(&mut self, number: i64, draft: AlertDraft, bump: Bump) {
        let Some(incident) = self.shop.incidents.get(&number) else { return };
        let (defender, name) = (incident.origin == Origin::Defender, incident.name.clone());
        let alert = Arc::new(Alert::new(draft, defender, self.ledger, self.now));
        self.link_alert(number, format!("{name}_{}", alert.id), alert, bump);
    }

    /// Does one act.
    pub fn act(&mut self, guid: &str, act: &IncidentAct) -> Acted {
        let number = self.find(guid).map_err(|r| r.message)?;
        let status = self.shop.incidents.get(&number).map(|i| i.face.status.clone()).unwrap_or_default();
        match act {
            IncidentAct::Comment(message) => {
                let id = self.ledger.guid();
                return self.write_comment(number, id, message.clone()).map_err(|r| r.message);
            }
            IncidentAct::DeleteComment(id) if self.erase_comment(number, id) => return Ok(()),
            IncidentAct::DeleteComment(id) => return Err(format!("no comment '{id}'")),
            IncidentAct::EditComment { id, message } => {
                return self.rewrite_comment(number, id, message).map_err(|r| r.message);
            }
            IncidentAct::Delete => return self.discard(number),
            IncidentAct::AddAlert(draft) => return self.add_alert(number, draft),
            IncidentAct::AddBookmark { name, notes, query } => {
                return self.add_bookmark(number, name, notes, query);
            }
            IncidentAct::MergeInto { survivor_guid } => return self.merge(number, survivor_guid),
            IncidentAct::AutoClose => return self.auto_close(number, &status),
            IncidentAct::AutoReopen(draft) => return self.auto_reopen(number, &status, draft),
            _ => {}
        }
        let edit = edit(act, &status)?;
        self.ledger.begin();
        self.change(number, Bump::Both, |incident| edit(&mut incident.face));
        Ok(())
    }

    fn discard(&mut self, number: i64) -> Acted {
        if self.shop.incidents.get(&number).is_some_and(|i| i.origin == Origin::Defender) {
            return Err("incidents of Defender cannot be deleted".into());
        }
        self.erase(number);
        Ok(())
    }

    fn add_alert(&mut self, number: i64, draft: &AlertDraft) -> Acted {
        if self.shop.incidents.get(&number).is_some_and(|i| i.links.len() >= MOST_ALERTS) {
            return Err(format!("the incident has {MOST_ALERTS} alerts"));
        }
        self.ledger.begin();
        let person = std::mem::replace(&mut self.actor, Actor::Service("Microsoft Sentinel"));
        self.receive(number, draft.clone(), self.switches.alert_bumps);
        self.actor = person;
        Ok(())
    }

    fn add_bookmark(&mut self, number: i64, name: &str, notes: &str, query: &str) -> Acted {
        if self.shop.incidents.get(&number).is_some_and(|i| i.bookmarks.len() >= MOST_BOOKMARKS) {
            return Err(format!("the incident has {MOST_BOOKMARKS} bookmarks"));
        }
        self.ledger.begin();
        let bookmark = Bookmark {
            id: self.ledger.guid(),
            etag: self.ledger.etag(self.now),
            name: name.into(),
            notes: notes.into(),
            query: query.into(),
            created: Tick::at(self.now),
            author: self.author.clone(),
        };
        let id = bookmark.id.clone();
        self.change(number, self.switches.alert_bumps, |incident| {
            incident.bookmarks.push(bookmark);
            incident.face.bookmarks = incident.bookmarks.len();
        });
        self.note(number, "bookmark", Some(id), None, Some(name.into()));
        Ok(())
    }

    /// Defender folds `loser` into the survivor: closed with a label, its alerts moved
    /// (sentinel-api 2.7).
    fn merge(&mut self, loser: i64, survivor_guid: &str) -> Acted {
        let survivor = self.find(survivor_guid).map_err(|r| r.message)?;
        let (Some(from), Some(to)) = (self.shop.incidents.get(&loser), self.shop.incidents.get(&survivor))
        else {
            return Err("no such incident".into());
        };
        if loser == survivor || from.face.merged_into.is_some() || to.face.merged_into.is_some() {
            return Err("an incident merges once, and into another that is still alive".into());
        }
        if from.links.len() + to.links.len() > MOST_ALERTS {
            return Err(format!("together they have more than {MOST_ALERTS} alerts"));
        }
        let url = self.shown(to, "").url();
        let (links, entities) = (from.links.clone(), from.entities.clone());
        let (name, title) = (to.name.clone(), to.face.title.clone());
        self.ledger.begin();
        let person = std::mem::replace(&mut self.actor, Actor::Service("Microsoft Defender XDR"));
        self.change(loser, Bump::Both, |incident| redirect(incident, survivor, url));
        self.note(loser, "merged", Some(name.clone()), None, Some(title));
        for link in &links {
            let was = link.alert.draft.display_name.clone();
            self.note(loser, "alert", Some(link.alert.id.clone()), Some(was), None);
        }
        self.adopt(survivor, &name, links, entities);
        self.actor = person;
        Ok(())
    }

    /// Gives the survivor the alerts and entities of the other.
    fn adopt(&mut self, survivor: i64, name: &str, links: Vec<Link>, entities: Vec<Entity>) {
        let marks_needed = links.is_empty();
        for link in links {
            let relation = format!("{name}_{}", link.alert.id);
            self.link_alert(survivor, relation, link.alert, Bump::Both);
        }
        let bump = if marks_needed { Bump::Both } else { Bump::None };
        self.change(survivor, bump, |incident| {
            for entity in entities {
                if !incident.entities.iter().any(|e| e.name == entity.name) {
                    incident.entities.push(entity);
                }
            }
        });
    }

    fn auto_close(&mut self, number: i64, status: &str) -> Acted {
        if status == "Closed" {
            return Err("the incident is closed".into());
        }
        self.ledger.begin();
        let person = std::mem::replace(&mut self.actor, Actor::Service("Microsoft Defender XDR"));
        self.change(number, Bump::Both, |incident| {
            incident.face.status = "Closed".into();
            incident.face.classification = Some("Undetermined".into());
        });
        self.actor = person;
        Ok(())
    }

    fn auto_reopen(&mut self, number: i64, status: &str, draft: &AlertDraft) -> Acted {
        if status != "Closed" {
            return Err("only a closed incident is reopened".into());
        }
        let incident = self.shop.incidents.get(&number);
        let lens = self.lens("");
        if lens.onboarded || incident.is_some_and(|i| i.origin == Origin::Defender) {
            return Err("alert grouping does not reopen incidents of Defender".into());
        }
        if incident.is_some_and(|i| i.links.len() >= MOST_ALERTS) {
            return Err(format!("the incident has {MOST_ALERTS} alerts"));
        }
        self.ledger.begin();
        let person = std::mem::replace(&mut self.actor, Actor::Service("Alert grouping"));
        self.change(number, Bump::Both, |incident| reopen(&mut incident.face, "Active"));
        self.receive(number, draft.clone(), self.switches.alert_bumps);
        self.actor = person;
        Ok(())
    }
}

/// A checked edit of the fields that people change.
type Edit<'a> = Box<dyn FnOnce(&mut Face) + 'a>;

fn edit<'a>(act: &'a IncidentAct, status: &str) -> Result<Edit<'a>, String> {
    let said = |r: Refusal| r.message;
    Ok(match act {
        IncidentAct::Title(title) if title.trim().is_empty() => return Err("a title is needed".into()),
        IncidentAct::Title(title) => Box::new(|f| f.title.clone_from(title)),
        IncidentAct::Description(text) if text.encode_utf16().count() > DESCRIPTION_MAX => {
            return Err(format!("a description has at most {DESCRIPTION_MAX} characters"));
        }
        IncidentAct::Description(text) => {
            Box::new(|f| f.description = Some(text.clone()).filter(|t| !t.is_empty()))
        }
        IncidentAct::Severity(severity) => {
            closing::severity(severity).map_err(said)?;
            Box::new(|f| f.severity.clone_from(severity))
        }
        IncidentAct::Status(next) if next == "Closed" => return Err("closing takes a classification".into()),
        IncidentAct::Status(next) => {
            closing::status(next).map_err(said)?;
            Box::new(|f| reopen(f, next))
        }
        IncidentAct::Owner(Some(person)) if !person.active => {
            return Err(format!("{} left and cannot be assigned", person.name));
        }
        IncidentAct::Owner(person) => Box::new(|f| f.owner = person.map(Owner::person).unwrap_or_default()),
        IncidentAct::Label(name) if name.trim().is_empty() => return Err("a label needs a name".into()),
        IncidentAct::Label(name) => Box::new(|f| {
            if !f.labels.iter().any(|l| l.name == *name) {
                f.labels.push(Label { name: name.clone(), automatic: false });
            }
        }),
        IncidentAct::Unlabel(name) => Box::new(|f| f.labels.retain(|l| l.name != *name)),
        IncidentAct::Close { classification, reason, comment } => {
            closing::check(Some(classification), reason.as_deref()).map_err(said)?;
            Box::new(|f| {
                f.status = "Closed".into();
                f.classification = Some(classification.clone());
                f.reason.clone_from(reason);
                f.closing_comment = Some(comment.clone()).filter(|c| !c.is_empty());
            })
        }
        IncidentAct::Reopen if status != "Closed" => return Err("the incident is not closed".into()),
        IncidentAct::Reopen => Box::new(|f| reopen(f, "Active")),
        other => return Err(format!("{other:?} is not an edit")),
    })
}

fn reopen(face: &mut Face, status: &str) {
    face.status = status.into();
    clear_closing(face);
}

fn redirect(incident: &mut Incident, survivor: i64, url: String) {
    incident.links.clear();
    let face = &mut incident.face;
    face.alerts = 0;
    face.status = "Closed".into();
    if face.classification.is_none() {
        face.classification = Some("Undetermined".into());
    }
    if !face.labels.iter().any(|l| l.name == "redirected") {
        face.labels.push(Label { name: "redirected".into(), automatic: true });
    }
    face.merged_into = Some((survivor, url));
}
