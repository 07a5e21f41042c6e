//! The nouns: what an incident, a record, a link and everything between them is.
//!
//! Pure types without I/O, clock or randomness; the only module of the crate they use is
//! [`crate::text`]. One word per idea: a [`Link`] ties one incident to one record, a [`Side`] is
//! Sentinel or ServiceNow, a [`Base`] is what both sides last agreed on, an [`Intent`] is a write
//! that was committed before it is sent.

pub mod aggregation;
pub mod call;
pub mod command;
pub mod comment;
pub mod crossings;
pub mod fault;
pub mod field;
pub mod ids;
pub mod incident;
pub mod intent;
pub mod ledger;
pub mod link;
pub mod link_order;
pub mod number_label;
pub mod record;
pub mod related;
pub mod settings;
pub mod side;
pub mod state_walk;
pub mod view;
pub mod vocabulary;

pub use aggregation::{Beside, Group, Member, Part};
pub use command::{Command, CommandState, Control, ControlVerb, Shown, Verb};
pub use comment::{CommentOrigin, Delivery, Entry};
pub use crossings::Crossings;
pub use fault::{CallError, FaultKind, Retry};
pub use field::{Custom, Field};
pub use ids::{
    CommandId, DeskKey, EntryId, IncidentId, InstanceKey, IntentId, LinkId, SysId, TableName, WorkspaceKey,
};
pub use incident::{Alert, Comment, Entity, Incident, IncidentWrite, OwnerRef};
pub use intent::{Intent, IntentKind, IntentState};
pub use ledger::LinkState;
pub use link::{Base, Evidence, Life, Link, Role};
pub use link_order::{Compared, Likeness, LinkOrder, LinkVerb};
pub use number_label::NumberLabel;
pub use record::{Choice, JournalEntry, Record, RecordShape, RecordWrite, User};
pub use related::{ObservableKind, Related, RowList, WantedRow};
pub use side::{Pair, Side};
pub use state_walk::{StatePath, Walk};
pub use vocabulary::{Closure, Severity, Status};
