//! Comments: list, get, put with a client-chosen id, delete (sentinel-api 3.1).

use serde_json::{Value, json};

use super::changes::Author;
use super::clock::Tick;
use super::desk::{Call, Desk, list, required, resource, success};
use super::errors::{Answer, Refusal};
use super::filter::{Cell, Element, Field, Kind, Row};
use super::incident::Lens;
use super::page::Listing;
use super::switches::{Bump, CommentOrder};
use crate::sandbox::wire::Response;

/// Comments that one incident can hold, and their longest (sentinel-api 5.3).
pub(super) const MOST: usize = 100;
/// Longest message.
pub(super) const LONGEST: usize = 30_000;

const FIELDS: &[Field] = &[
    Field { path: "name", kind: Kind::Text },
    Field { path: "properties/message", kind: Kind::Text },
    Field { path: "properties/createdTimeUtc", kind: Kind::Time },
    Field { path: "properties/lastModifiedTimeUtc", kind: Kind::Time },
    Field { path: "properties/author/name", kind: Kind::Text },
    Field { path: "properties/author/objectId", kind: Kind::Text },
    Field { path: "properties/author/email", kind: Kind::Text },
    Field { path: "properties/author/userPrincipalName", kind: Kind::Text },
];

/// A stored comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Comment {
    /// Its id as chosen.
    pub id: String,
    /// Etag without inner quotes.
    pub etag: String,
    /// The message, maybe HTML.
    pub message: String,
    /// When written.
    pub created: Tick,
    /// When last edited.
    pub modified: Tick,
    /// By whom.
    pub author: Author,
}

impl Comment {
    fn wire(&self, incident: &str, lens: &Lens<'_>) -> Value {
        json!({
            "id": format!("{}/Comments/{}", lens.incident_id(incident), self.id),
            "name": self.id,
            "etag": self.etag,
            "type": format!("Microsoft.SecurityInsights/{}/Comments", lens.collection()),
            "properties": {
                "message": self.message,
                "createdTimeUtc": lens.time(self.created),
                "lastModifiedTimeUtc": lens.time(self.modified),
                "author": self.author.wire(),
            },
        })
    }
}

struct CommentRow<'a>(&'a Comment, i64, u8);

impl Row for CommentRow<'_> {
    fn cell(&self, path: &str) -> Cell<'_> {
        match self.sort_cell(path) {
            Cell::Time(t) => Cell::Time(t.cut(self.2)),
            other => other,
        }
    }

    fn sort_cell(&self, path: &str) -> Cell<'_> {
        let author = &self.0.author;
        match path {
            "name" => Cell::text(Some(&self.0.id)),
            "properties/message" => Cell::text(Some(&self.0.message)),
            "properties/createdTimeUtc" => Cell::Time(self.0.created),
            "properties/lastModifiedTimeUtc" => Cell::Time(self.0.modified),
            "properties/author/name" => Cell::text(Some(&author.name)),
            "properties/author/objectId" => Cell::text(Some(&author.object_id)),
            "properties/author/email" => Cell::text(author.email.as_deref()),
            "properties/author/userPrincipalName" => Cell::text(author.upn.as_deref()),
            _ => Cell::Null,
        }
    }

    fn elements(&self, _: &str) -> Vec<Element<'_>> {
        Vec::new()
    }

    fn tie(&self) -> i64 {
        self.1
    }
}

impl Desk<'_> {
    /// `GET /incidents/{id}/comments`
    pub fn list_comments(&mut self, call: &Call<'_>, name: &str) -> Answer {
        let default = match self.switches.comment_order {
            CommentOrder::Asc => "properties/createdTimeUtc asc",
            CommentOrder::Desc => "properties/createdTimeUtc desc",
        };
        let listing = Listing::read(&call.query, FIELDS, default, self.switches, self.now)?;
        let drift = self.drift();
        let incident = self.incident(name)?;
        let lens = self.lens(&call.version);
        let rows =
            incident.comments.iter().zip(0..).map(|(c, i)| CommentRow(c, i, lens.switches.time_digits));
        let (page, mark) = listing.page(rows, self.switches, drift);
        let next = mark.map(|m| listing.next_link(call.request, &call.version, &m, self.switches, self.now));
        list(page.iter().map(|row| row.0.wire(&incident.name, &lens)).collect(), next)
    }

    /// `GET /incidents/{id}/comments/{comment}`
    pub fn get_comment(&self, call: &Call<'_>, name: &str, id: &str) -> Answer {
        let incident = self.incident(name)?;
        let comment = incident.comments.iter().find(|c| c.id.eq_ignore_ascii_case(id));
        let comment = comment.ok_or_else(|| self.missing("IncidentComment", id))?;
        success(200, &comment.wire(&incident.name, &self.lens(&call.version)))
    }

    /// `PUT /incidents/{id}/comments/{comment}`: 201 for a new one, 200 for one that was there
    pub fn put_comment(&mut self, call: &Call<'_>, name: &str, id: &str) -> Answer {
        let number = self.find(name)?;
        let (etag, properties) = resource(call.request)?;
        let message = required(&properties, "message", "'Message' must have a non-empty value")?.to_owned();
        let known = self.incident(name)?.comments.iter().find(|c| c.id.eq_ignore_ascii_case(id)).cloned();
        let status = match known {
            None => {
                self.write_comment(number, id.to_owned(), message)?;
                201
            }
            Some(known) => {
                if etag.is_some_and(|e| e != known.etag) {
                    let incident = self.lens(&call.version).incident_id(name);
                    return Err(self.conflict(&format!("{incident}/Comments/{id}")));
                }
                self.rewrite_comment(number, &known.id, &message)?;
                200
            }
        };
        let mut response = self.get_comment(call, name, id)?;
        response.status = status;
        Ok(response)
    }

    fn check_message(&self, message: &str) -> Result<(), Refusal> {
        if self.switches.length(message) <= LONGEST {
            return Ok(());
        }
        Err(Refusal::bad(format!("The length of 'Message' must be {LONGEST} characters or fewer.")))
    }

    /// Adds a comment by whoever sits at the desk.
    pub fn write_comment(&mut self, number: i64, id: String, message: String) -> Result<(), Refusal> {
        self.check_message(&message)?;
        let full = self.shop.incidents.get(&number).is_none_or(|i| i.comments.len() >= MOST);
        if full {
            return Err(Refusal::bad(format!("An incident can have up to {MOST} comments.")));
        }
        self.ledger.begin();
        let tick = Tick::at(self.now);
        let comment = Comment {
            id: id.clone(),
            etag: self.ledger.etag(self.now),
            message: message.clone(),
            created: tick,
            modified: tick,
            author: self.author.clone(),
        };
        self.change(number, self.switches.comment_bumps, |incident| {
            incident.comments.push(comment);
            incident.face.comments = incident.comments.len();
        });
        self.note(number, "comment", Some(id), None, Some(message));
        Ok(())
    }

    /// Gives a comment a new text.
    pub fn rewrite_comment(&mut self, number: i64, id: &str, message: &str) -> Result<(), Refusal> {
        self.check_message(message)?;
        let comments = self.shop.incidents.get(&number).map(|i| i.comments.as_slice()).unwrap_or_default();
        let known = comments.iter().find(|c| c.id.eq_ignore_ascii_case(id)).cloned();
        let known = known.ok_or_else(|| self.missing("IncidentComment", id))?;
        self.ledger.begin();
        let (etag, now) = (self.ledger.etag(self.now), Tick::at(self.now));
        self.change(number, self.switches.comment_edit_bumps, |incident| {
            if let Some(comment) = incident.comments.iter_mut().find(|c| c.id == known.id) {
                (comment.etag, comment.message, comment.modified) = (etag, message.to_owned(), now);
            }
        });
        self.note(number, "comment", Some(known.id), Some(known.message), Some(message.to_owned()));
        Ok(())
    }

    /// `DELETE /incidents/{id}/comments/{comment}`
    pub fn delete_comment(&mut self, name: &str, id: &str) -> Answer {
        let number = self.find(name)?;
        let status = if self.erase_comment(number, id) { 200 } else { 204 };
        Ok(Response::new(status))
    }

    /// Deletes a comment; false if there was none.
    pub fn erase_comment(&mut self, number: i64, id: &str) -> bool {
        let comments = self.shop.incidents.get(&number).map(|i| i.comments.as_slice()).unwrap_or_default();
        let Some(known) = comments.iter().find(|c| c.id.eq_ignore_ascii_case(id)).cloned() else {
            return false;
        };
        self.ledger.begin();
        let bump: Bump = self.switches.comment_delete_bumps;
        self.change(number, bump, |incident| {
            incident.comments.retain(|c| c.id != known.id);
            incident.face.comments = incident.comments.len();
        });
        self.note(number, "comment", Some(known.id), Some(known.message), None);
        true
    }
}
