//! Owners: how a PUT names one and what the directory makes of it (sentinel-api 2.2, 2.4).

use serde_json::{Value, json};
use uuid::Uuid;

use super::errors::Refusal;
use super::switches::{FreeOwner, Switches, UnknownOwner};
use crate::sandbox::people::{CAST, Person};

/// An incident's owner; all absent means unassigned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Owner {
    /// `objectId`.
    pub object_id: Option<String>,
    /// `email`.
    pub email: Option<String>,
    /// `assignedTo`, the display name.
    pub assigned_to: Option<String>,
    /// `userPrincipalName`.
    pub upn: Option<String>,
    /// True if the directory knows the owner as a user.
    pub user: bool,
}

impl Owner {
    /// A person of the cast.
    pub fn person(person: &Person) -> Self {
        Self {
            object_id: Some(person.object_id.into()),
            email: Some(person.email.into()),
            assigned_to: Some(person.name.into()),
            upn: Some(person.upn.into()),
            user: true,
        }
    }

    /// Whether nobody owns the incident.
    pub fn is_none(&self) -> bool {
        self.object_id.is_none() && self.email.is_none() && self.assigned_to.is_none() && self.upn.is_none()
    }

    /// The shortest text that names the owner: principal name, else e-mail, name or object id.
    pub fn label(&self) -> Option<&str> {
        let all = [&self.upn, &self.email, &self.assigned_to, &self.object_id];
        all.into_iter().find_map(|v| v.as_deref())
    }

    /// The wire shape.
    pub fn wire(&self) -> Value {
        let mut owner = json!({
            "objectId": self.object_id,
            "email": self.email,
            "assignedTo": self.assigned_to,
            "userPrincipalName": self.upn,
        });
        if let (false, Some(map)) = (self.is_none(), owner.as_object_mut()) {
            map.insert("ownerType".into(), json!(if self.user { "User" } else { "Unknown" }));
        }
        owner
    }

    /// Reads the `owner` of a PUT and looks it up.
    pub fn read(value: &Value, switches: &Switches) -> Result<Self, Refusal> {
        let Some(map) = value.as_object() else {
            return Err(Refusal::bad("Invalid value for 'owner': an object is required."));
        };
        let member = |name: &str| match map.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone()).filter(|t| !t.is_empty())),
            Some(_) => Err(Refusal::bad(format!("Invalid value for 'owner.{name}': a string is required."))),
        };
        let sent = Self {
            object_id: member("objectId")?,
            email: member("email")?,
            assigned_to: member("assignedTo")?,
            upn: member("userPrincipalName")?,
            user: false,
        };
        match &sent.object_id {
            Some(id) => known_by_id(id).map_or_else(|| unknown(&sent, id, switches), |p| Ok(Self::person(p))),
            None => Ok(sent.resolve_free(switches)),
        }
    }

    fn resolve_free(self, switches: &Switches) -> Self {
        match switches.owner_free_text {
            FreeOwner::Drop => Self::default(),
            FreeOwner::Keep => self,
            FreeOwner::Resolve => {
                let upn = self.upn.as_deref().unwrap_or_default();
                let email = self.email.as_deref().unwrap_or_default();
                let hit = CAST
                    .iter()
                    .find(|p| p.upn.eq_ignore_ascii_case(upn))
                    .or_else(|| CAST.iter().find(|p| p.email.eq_ignore_ascii_case(email)));
                hit.map_or(self.clone(), Self::person)
            }
        }
    }
}

fn known_by_id(id: &str) -> Option<&'static Person> {
    CAST.iter().find(|p| p.object_id.eq_ignore_ascii_case(id))
}

fn unknown(sent: &Owner, id: &str, switches: &Switches) -> Result<Owner, Refusal> {
    if Uuid::parse_str(id).is_err() {
        return Err(Refusal::bad(format!("Invalid value for 'owner.objectId': '{id}' is not a GUID.")));
    }
    match switches.unknown_owner {
        UnknownOwner::Accept => Ok(sent.clone()),
        UnknownOwner::Drop => Ok(Owner::default()),
        UnknownOwner::Reject => {
            Err(Refusal::bad(format!("Owner with object id '{id}' was not found in the directory.")))
        }
    }
}
