//! What is asked of either service, one HTTP exchange each, and what comes back.

use std::collections::BTreeMap;

use super::{
    Alert, CallError, Choice, Comment, Entity, Incident, IncidentId, IncidentWrite, JournalEntry, Record,
    RecordShape, RecordWrite, SysId, TableName, User,
};
use crate::text::Stamp;

/// An answer with what its headers said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer<T> {
    /// What was asked for.
    pub value: T,
    /// The server's `Date`, the only clock that cursors use (D15).
    pub date: Option<Stamp>,
    /// Calls that the server says are left in its present window.
    pub calls_left: Option<i64>,
}

/// Where a list starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListFrom {
    /// Everything modified at or after this moment, oldest change first.
    Modified(Stamp),
    /// The next page, by the link that the last page gave.
    Next(String),
    /// The one with this number, which people know incidents by.
    Number(i64),
}

/// A page of incidents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IncidentPage {
    /// Its incidents.
    pub incidents: Vec<Incident>,
    /// Link of the next page; only its absence ends a list.
    pub next: Option<String>,
}

/// A page of comments.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CommentPage {
    /// Its comments.
    pub comments: Vec<Comment>,
    /// Link of the next page.
    pub next: Option<String>,
}

/// Entities with whether the service kept some back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entities {
    /// Entities.
    pub entities: Vec<Entity>,
    /// How many there are according to the service; more than came means a partial list.
    pub total: u32,
}

/// One call to Sentinel.
#[derive(Clone, Debug, PartialEq)]
pub enum SentinelCall {
    /// Lists incidents.
    List(ListFrom),
    /// Reads one incident.
    Get(IncidentId),
    /// Reads one incident under the version that tells which incident it was merged into (D18).
    GetMerged(IncidentId),
    /// Replaces one incident, guarded by its etag.
    Put(IncidentId, Box<IncidentWrite>),
    /// Lists comments of an incident; the link of the next page, if it is not the first.
    Comments(IncidentId, Option<String>),
    /// Writes a comment under an id of our choice; repeating it changes nothing.
    PutComment {
        /// The incident.
        incident: IncidentId,
        /// Id of the comment.
        id: String,
        /// HTML-safe message.
        message: String,
    },
    /// Alerts of an incident.
    Alerts(IncidentId),
    /// Entities of an incident.
    Entities(IncidentId),
}

/// What Sentinel answers.
#[derive(Clone, Debug, PartialEq)]
pub enum SentinelReply {
    /// A page of incidents.
    Page(IncidentPage),
    /// One incident.
    Incident(Box<Incident>),
    /// A page of comments.
    Comments(CommentPage),
    /// The comment that was written.
    Comment(Comment),
    /// Alerts.
    Alerts(Vec<Alert>),
    /// Entities.
    Entities(Entities),
}

/// Where a keyset page of records continues: after this row, skipping rows that access rules
/// hide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageKey {
    /// `sys_updated_on` of the last row.
    pub updated_on: Stamp,
    /// `sys_id` of the last row.
    pub sys_id: SysId,
    /// Hidden rows to skip behind it.
    pub offset: u32,
}

/// Which records a read is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordQuery {
    /// Updated at or after a moment and carrying one of these group keys, oldest update first.
    Changed {
        /// Values of the group key (`correlation_display`).
        groups: Vec<String>,
        /// Moment.
        since: Stamp,
        /// Where the page continues; `None` for the first.
        after: Option<PageKey>,
    },
    /// These records, at most 200.
    Ids(Vec<SysId>),
    /// One of these correlation ids, oldest creation first.
    Correlation(Vec<String>),
    /// Keys and versions of everything with one of these group keys.
    Keys {
        /// Values of the group key.
        groups: Vec<String>,
        /// Last `sys_id` of the page before.
        after: Option<SysId>,
    },
}

/// A page of records; every row was checked against the query by the client.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordPage {
    /// Rows.
    pub records: Vec<Record>,
    /// Where it continues, `None` at the end.
    pub next: Option<PageKey>,
}

/// How a user is looked up; each form only with text that was checked (no free text enters a
/// query).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UserKey {
    /// By key.
    SysId(SysId),
    /// By e-mail.
    Email(String),
    /// By login name.
    UserName(String),
}

/// Which users a read is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserQuery {
    /// Anyone who matches one of these.
    Keys(Vec<UserKey>),
    /// Active users, by `sys_id`, after this one, at most a page.
    Active(Option<SysId>),
}

/// Which rows a read beside the records is about; each value only as far as it was checked (no free
/// text enters a query).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowQuery {
    /// Every one of these fields has its value.
    All(Vec<(String, String)>),
    /// One of these fields has its value.
    Any(Vec<(String, String)>),
    /// The field has one of these values, which are names that this program knows.
    Named(String, Vec<&'static str>),
}

/// A row beside the records: its key, and the fields that were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeskRow {
    /// Its key.
    pub sys_id: SysId,
    /// Raw values of the fields that may be read.
    pub values: BTreeMap<String, String>,
}

/// One call to ServiceNow.
#[derive(Clone, Debug, PartialEq)]
pub enum DeskCall {
    /// Reads records.
    Records {
        /// Table.
        table: TableName,
        /// Names of its fields.
        shape: RecordShape,
        /// Which.
        query: RecordQuery,
    },
    /// Reads one record by key.
    Get {
        /// Table.
        table: TableName,
        /// Names of its fields.
        shape: RecordShape,
        /// Key.
        sys_id: SysId,
    },
    /// Creates a record; gives it back.
    Create {
        /// Table.
        table: TableName,
        /// Names of its fields.
        shape: RecordShape,
        /// Key of our choice, `None` to let the instance choose.
        sys_id: Option<SysId>,
        /// Fields.
        write: RecordWrite,
    },
    /// Changes fields of a record; gives it back.
    Patch {
        /// Table.
        table: TableName,
        /// Names of its fields.
        shape: RecordShape,
        /// Key.
        sys_id: SysId,
        /// Fields.
        write: RecordWrite,
    },
    /// Journal entries of these records (at most 100) since a moment, oldest first.
    Journal {
        /// Records.
        records: Vec<SysId>,
        /// Journal fields.
        elements: Vec<String>,
        /// Moment.
        since: Stamp,
    },
    /// Whole journals of these records (at most 20) from the text that each shows, where the table
    /// of journals cannot be read (D9). The entries have no keys and name display names.
    JournalText {
        /// Table.
        table: TableName,
        /// Records.
        records: Vec<SysId>,
        /// Journal fields.
        elements: Vec<String>,
    },
    /// Rows of a table beside the records, oldest creation first.
    Rows {
        /// Table.
        table: TableName,
        /// Fields that come back; those of the query are among them.
        fields: Vec<String>,
        /// Which.
        query: RowQuery,
    },
    /// Creates a row of such a table; gives it back.
    AddRow {
        /// Table.
        table: TableName,
        /// Key of our choice, `None` to let the instance choose.
        sys_id: Option<SysId>,
        /// Fields.
        write: RecordWrite,
    },
    /// Users.
    Users(UserQuery),
    /// Who we are.
    Me,
    /// Choices of a table's fields.
    Choices {
        /// Table.
        table: TableName,
        /// Fields.
        elements: Vec<String>,
    },
}

/// What ServiceNow answers.
#[derive(Clone, Debug, PartialEq)]
pub enum DeskReply {
    /// A page of records.
    Page(RecordPage),
    /// One record.
    Record(Box<Record>),
    /// Journal entries.
    Journal(Vec<JournalEntry>),
    /// Rows beside the records.
    Rows(Vec<DeskRow>),
    /// Users.
    Users(Vec<User>),
    /// Choices.
    Choices(Vec<Choice>),
}

/// A finished call to Sentinel.
pub type SentinelOutcome = Result<Answer<SentinelReply>, CallError>;
/// A finished call to ServiceNow.
pub type DeskOutcome = Result<Answer<DeskReply>, CallError>;
