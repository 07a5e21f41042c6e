//! What a value must become on the other side, read straight off the rows by plain scans: the
//! same questions as `mapping` and `sync::cross` answer, and none of their code.

use diptych::mapping::TableSet;
use diptych::model::call::UserKey;
use diptych::model::{Field, Incident, OwnerRef, Record, User};

/// What a value becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    Value(String),
    Held,
    Lookup,
}

/// One row with both ways spelled out.
#[derive(Clone, Debug)]
pub struct PlainRow {
    pub table: String,
    pub sentinel: String,
    pub servicenow: String,
    pub out: bool,
    pub back: bool,
}

/// The rows of a table set, by field.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    pub severity: Vec<PlainRow>,
    pub status: Vec<PlainRow>,
    pub closure: Vec<PlainRow>,
    /// User name, UPN, workspace.
    pub owner: Vec<(String, String, String)>,
}

pub const SEVERITIES: [&str; 4] = ["Informational", "Low", "Medium", "High"];
pub const STATUSES: [&str; 3] = ["New", "Active", "Closed"];
pub const CLOSURES: [&str; 5] = [
    "TruePositive-SuspiciousActivity",
    "BenignPositive-SuspiciousButExpected",
    "FalsePositive-IncorrectAlertLogic",
    "FalsePositive-InaccurateData",
    "Undetermined",
];

impl Rows {
    pub fn read(set: &TableSet) -> Self {
        let row = |table: &str, sentinel: &str, servicenow: &str, out, back| PlainRow {
            table: table.into(),
            sentinel: sentinel.into(),
            servicenow: servicenow.into(),
            out,
            back,
        };
        let ways =
            |flow: diptych::mapping::Flow| (flow.word() != "to-sentinel", flow.word() != "to-servicenow");
        let both = |table: &str, s: &str, n: &str, flow| {
            let (out, back) = ways(flow);
            row(table, s, n, out, back)
        };
        Self {
            severity: set
                .severity
                .iter()
                .map(|r| both(&r.table, &r.sentinel, &r.servicenow, r.flow))
                .collect(),
            status: set.status.iter().map(|r| both(&r.table, &r.sentinel, &r.servicenow, r.flow)).collect(),
            closure: set
                .closure
                .iter()
                .map(|r| row(&r.table, &r.sentinel, &r.servicenow, r.source_is_sentinel, true))
                .collect(),
            owner: set
                .owner
                .iter()
                .map(|r| (r.servicenow.clone(), r.sentinel.clone(), r.workspace.clone()))
                .collect(),
        }
    }

    fn of(&self, field: Field) -> (&[PlainRow], &'static [&'static str]) {
        match field {
            Field::Severity => (&self.severity, &SEVERITIES),
            Field::Status => (&self.status, &STATUSES),
            _ => (&self.closure, &CLOSURES),
        }
    }

    fn scan(&self, field: Field, table: &str, fits: impl Fn(&PlainRow) -> bool) -> Option<&PlainRow> {
        let rows = self.of(field).0;
        let scoped = |scope: &str| rows.iter().find(|r| r.table == scope && fits(r));
        scoped(table).or_else(|| scoped(""))
    }

    pub fn out(&self, field: Field, table: &str, word: &str) -> Carried {
        let word = word.trim();
        if word.is_empty() {
            return Carried::Held;
        }
        let hit = |r: &PlainRow| r.out && !r.servicenow.is_empty() && r.sentinel.eq_ignore_ascii_case(word);
        self.scan(field, table, hit).map_or(Carried::Held, |r| Carried::Value(r.servicenow.clone()))
    }

    pub fn back(&self, field: Field, table: &str, raw: &str) -> Carried {
        let known = self.of(field).1;
        let raw = raw.trim();
        if raw.is_empty() || raw == "/" {
            return Carried::Held;
        }
        let word = |r: &PlainRow| known.iter().find(|k| k.eq_ignore_ascii_case(&r.sentinel)).copied();
        let hit = |r: &PlainRow| r.back && r.servicenow == raw && word(r).is_some();
        let found = self.scan(field, table, hit).and_then(word);
        found.map_or(Carried::Held, |w| Carried::Value(w.to_owned()))
    }
}

/// What is known of users: the same facts as the directory of the case holds.
#[derive(Clone, Debug, Default)]
pub struct People {
    pub users: Vec<User>,
    pub tried: Vec<UserKey>,
    pub complete: bool,
    pub observed: Vec<OwnerRef>,
}

enum Hit<'a> {
    One(&'a User),
    None,
    Unknown,
}

fn same(a: &str, b: &str) -> bool {
    !a.trim().is_empty() && a.trim().to_lowercase() == b.trim().to_lowercase()
}

impl People {
    fn settled(&self, key: &UserKey) -> bool {
        self.complete
            || self.tried.contains(key)
            || match key {
                UserKey::SysId(id) => self.users.iter().any(|u| u.sys_id == *id),
                UserKey::UserName(name) => self.users.iter().any(|u| same(&u.user_name, name)),
                UserKey::Email(_) => false,
            }
    }

    fn hit(&self, key: &UserKey) -> Hit<'_> {
        if !self.settled(key) {
            return Hit::Unknown;
        }
        let mut hits = self.users.iter().filter(|u| {
            u.active
                && match key {
                    UserKey::Email(text) => same(&u.email, text),
                    UserKey::UserName(text) => same(&u.user_name, text),
                    UserKey::SysId(id) => u.sys_id == *id,
                }
        });
        match (hits.next(), hits.next()) {
            (Some(user), None) => Hit::One(user),
            _ => Hit::None,
        }
    }

    fn row<'r>(
        rows: &'r Rows,
        key: &str,
        fits: impl Fn(&(String, String, String)) -> bool,
    ) -> Option<&'r (String, String, String)> {
        let scoped = |scope: &str| rows.owner.iter().find(|r| r.2 == scope && fits(r));
        scoped(key).or_else(|| scoped(""))
    }

    pub fn out(&self, rows: &Rows, workspace: &str, owner: &OwnerRef) -> Carried {
        if owner_key(owner).is_empty() {
            return Carried::Value(String::new());
        }
        let blank = owner.upn.is_empty() && owner.email.is_empty();
        let by_object = || self.observed.iter().find(|o| same(&o.object_id, &owner.object_id));
        let owner = if blank { by_object().unwrap_or(owner) } else { owner };
        let name = if owner.upn.is_empty() { &owner.email } else { &owner.upn };
        if let Some(row) = Self::row(rows, workspace, |r| same(&r.1, name)) {
            return match self.hit(&UserKey::UserName(row.0.clone())) {
                Hit::One(user) => Carried::Value(user.sys_id.as_str().into()),
                Hit::None => Carried::Held,
                Hit::Unknown => Carried::Lookup,
            };
        }
        let mut keys = vec![UserKey::Email(owner.email.clone()), UserKey::UserName(owner.upn.clone())];
        if !same(&owner.upn, &owner.email) {
            keys.push(UserKey::Email(owner.upn.clone()));
        }
        // A later step never answers while an earlier one is not known.
        for key in keys {
            if matches!(&key, UserKey::Email(t) | UserKey::UserName(t) if t.is_empty()) {
                continue;
            }
            match self.hit(&key) {
                Hit::One(user) => return Carried::Value(user.sys_id.as_str().into()),
                Hit::None => {}
                Hit::Unknown => return Carried::Lookup,
            }
        }
        Carried::Held
    }

    pub fn back(&self, rows: &Rows, workspace: &str, sys_id: &str) -> Carried {
        if sys_id.is_empty() {
            return Carried::Value(String::new());
        }
        let Some(user) = self.users.iter().find(|u| u.sys_id.as_str() == sys_id) else {
            let asked = self.settled(&UserKey::SysId(diptych::model::SysId::new(sys_id)));
            return if asked { Carried::Held } else { Carried::Lookup };
        };
        if !user.active {
            return Carried::Held;
        }
        if let Some(row) = Self::row(rows, workspace, |r| same(&r.0, &user.user_name)) {
            return Carried::Value(row.1.to_lowercase());
        }
        if user.email.is_empty() {
            let name = user.user_name.to_lowercase();
            return if name.contains('@') { Carried::Value(name) } else { Carried::Held };
        }
        let seen = self.observed.iter().find(|o| same(&o.upn, &user.email)).or_else(|| {
            let mut hits = self.observed.iter().filter(|o| same(&o.email, &user.email));
            hits.next().filter(|_| hits.next().is_none())
        });
        Carried::Value(seen.map_or(user.email.to_lowercase(), owner_key))
    }
}

/// What names an owner: UPN, else e-mail, else object id, else name.
pub fn owner_key(owner: &OwnerRef) -> String {
    let names = [&owner.upn, &owner.email, &owner.object_id, &owner.name];
    names.into_iter().find(|n| !n.trim().is_empty()).map(|n| n.trim().to_lowercase()).unwrap_or_default()
}

/// At most `max` characters, the last an ellipsis where something was cut.
pub fn clip(text: &str, max: usize) -> String {
    match text.chars().count() {
        n if n <= max => text.to_owned(),
        _ => text.chars().take(max - 1).chain(['…']).collect(),
    }
}

/// Sentinel's raw value of a field, read without the planner's help.
pub fn left(incident: &Incident, field: Field) -> String {
    let closed = incident.status.eq_ignore_ascii_case("Closed");
    match field {
        Field::Title => incident.title.raw().into(),
        Field::Description => incident.description.raw().into(),
        Field::Severity => incident.severity.clone(),
        Field::Status => incident.status.clone(),
        Field::Owner => owner_key(&incident.owner),
        Field::Closure if !closed => String::new(),
        Field::Closure if incident.reason.is_empty() => incident.classification.clone(),
        Field::Closure => format!("{}-{}", incident.classification, incident.reason),
        Field::CloseNotes if closed => incident.classification_comment.raw().into(),
        Field::CloseNotes | Field::Custom(_) | Field::NumberLabel(_) => String::new(),
    }
}

/// ServiceNow's raw value of a field; `None` when it may not be read.
pub fn right(record: &Record, field: Field) -> Option<String> {
    let column = |name: &str| record.values.get(name).cloned();
    match field {
        Field::Title => column("short_description"),
        Field::Description => column("description"),
        Field::Severity => Some(format!("{}/{}", column("impact")?, column("urgency")?)),
        Field::Status => column("state"),
        Field::Owner => column("assigned_to"),
        Field::Closure => column("close_code"),
        Field::CloseNotes => column("close_notes"),
        Field::Custom(_) | Field::NumberLabel(_) => None,
    }
}
