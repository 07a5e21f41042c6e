//! The columns of users, choices, journals, items, attachments and observables.

use super::super::ColumnSpec;
use super::super::Kind::{Boolean, Choice, DateTime, Domain, IntChoice, Integer, Password, Reference, Text};
use super::col;

pub(super) const SYS_USER: &[ColumnSpec] = &[
    col("user_name", "User ID", Text(40)),
    col("name", "Name", Text(151)),
    col("first_name", "First name", Text(50)),
    col("last_name", "Last name", Text(50)),
    col("email", "Email", Text(100)),
    col("active", "Active", Boolean),
    col("locked_out", "Locked out", Boolean),
    col("time_zone", "Time zone", Choice),
    col("date_format", "Date format", Choice),
    col("time_format", "Time format", Choice),
    col("company", "Company", Reference("core_company")),
    col("department", "Department", Text(100)),
    col("manager", "Manager", Reference("sys_user")),
    col("title", "Title", Text(60)),
    col("web_service_access_only", "Web service access only", Boolean),
    col("internal_integration_user", "Internal Integration User", Boolean),
    col("source", "Source", Text(255)),
    col("preferred_language", "Language", Choice),
    col("failed_attempts", "Failed login attempts", Integer),
    col("last_login_time", "Last login time", DateTime),
    col("user_password", "Password", Password),
];

pub(super) const SYS_USER_GROUP: &[ColumnSpec] = &[
    col("name", "Name", Text(80)),
    col("description", "Description", Text(1000)),
    col("email", "Group email", Text(100)),
    col("manager", "Manager", Reference("sys_user")),
    col("active", "Active", Boolean),
    col("type", "Type", Text(255)),
    col("parent", "Parent", Reference("sys_user_group")),
    col("sys_domain", "Domain", Domain),
];

pub(super) const SYS_USER_GRMEMBER: &[ColumnSpec] =
    &[col("user", "User", Reference("sys_user")), col("group", "Group", Reference("sys_user_group"))];

pub(super) const SYS_CHOICE: &[ColumnSpec] = &[
    col("name", "Table", Text(80)),
    col("element", "Element", Text(80)),
    col("value", "Value", Text(255)),
    col("label", "Label", Text(255)),
    col("language", "Language", Text(3)),
    col("sequence", "Sequence", Integer),
    col("inactive", "Inactive", Boolean),
    col("dependent_value", "Dependent value", Text(255)),
    col("hint", "Hint", Text(255)),
];

pub(super) const SYS_JOURNAL_FIELD: &[ColumnSpec] = &[
    col("name", "Name", Text(80)),
    col("element_id", "Element ID", Text(32)),
    col("element", "Element", Text(80)),
    col("value", "Value", Text(1000000)),
];

pub(super) const SYS_AUDIT: &[ColumnSpec] = &[
    col("tablename", "Table name", Text(80)),
    col("documentkey", "Document key", Text(32)),
    col("fieldname", "Field name", Text(80)),
    col("oldvalue", "Old value", Text(4000)),
    col("newvalue", "New value", Text(4000)),
    col("user", "User", Text(40)),
    col("reason", "Reason", Text(255)),
    col("record_checkpoint", "Update count", Integer),
];

pub(super) const SYS_DICTIONARY: &[ColumnSpec] = &[
    col("name", "Table", Text(80)),
    col("element", "Column name", Text(80)),
    col("column_label", "Column label", Text(80)),
    col("internal_type", "Type", Text(40)),
    col("max_length", "Max length", Integer),
    col("mandatory", "Mandatory", Boolean),
    col("reference", "Reference", Text(80)),
    col("default_value", "Default value", Text(255)),
    col("read_only", "Read only", Boolean),
    col("active", "Active", Boolean),
];

pub(super) const SYS_PROPERTIES: &[ColumnSpec] = &[
    col("name", "Name", Text(100)),
    col("value", "Value", Text(4000)),
    col("description", "Description", Text(4000)),
    col("type", "Type", Text(40)),
];

pub(super) const SYS_DB_OBJECT: &[ColumnSpec] = &[
    col("name", "Name", Text(80)),
    col("label", "Label", Text(80)),
    col("super_class", "Extends table", Reference("sys_db_object")),
];

pub(super) const SYS_PLUGINS: &[ColumnSpec] =
    &[col("name", "Name", Text(100)), col("source", "ID", Text(100)), col("active", "Active", Text(40))];

pub(super) const CMDB_CI: &[ColumnSpec] = &[
    col("name", "Name", Text(255)),
    col("sys_class_name", "Class", Text(80)),
    col("fqdn", "Fully qualified domain name", Text(255)),
    col("ip_address", "IP Address", Text(255)),
    col("serial_number", "Serial number", Text(255)),
    col("asset", "Asset", Text(32)),
    col("asset_tag", "Asset tag", Text(40)),
    col("operational_status", "Operational status", IntChoice),
    col("install_status", "Status", IntChoice),
    col("company", "Company", Reference("core_company")),
    col("assigned_to", "Assigned to", Reference("sys_user")),
];

pub(super) const CORE_COMPANY: &[ColumnSpec] =
    &[col("name", "Name", Text(80)), col("sys_domain", "Domain", Domain)];

pub(super) const SYS_ATTACHMENT: &[ColumnSpec] = &[
    col("file_name", "File name", Text(100)),
    col("content_type", "Content type", Text(255)),
    col("size_bytes", "Size bytes", Integer),
    col("size_compressed", "Size compressed", Integer),
    col("compressed", "Compressed", Boolean),
    col("hash", "Hash", Text(64)),
    col("table_name", "Table name", Text(80)),
    col("table_sys_id", "Table sys ID", Text(32)),
    col("average_image_color", "Average image color", Text(40)),
    col("image_width", "Image width", Integer),
    col("image_height", "Image height", Integer),
    col("chunk_size_bytes", "Chunk size bytes", Integer),
    col("state", "State", Text(40)),
];

pub(super) const SN_TI_OBSERVABLE_TYPE: &[ColumnSpec] =
    &[col("name", "Name", Text(100)), col("value", "Value", Text(100))];

pub(super) const SN_TI_OBSERVABLE: &[ColumnSpec] = &[
    col("value", "Value", Text(1024)),
    col("type", "Observable type", Reference("sn_ti_observable_type")),
    col("finding", "Finding", Choice),
    col("sighting_count", "Sighting count", Integer),
    col("incident_count", "Incident count", Integer),
    col("notes", "Notes", Text(4000)),
    col("is_composition", "Is composition", Boolean),
    col("operator", "Operator", Choice),
    col("finding_expiry_time", "Finding expiry time", DateTime),
    col("has_manual_finding_override", "Has manual finding override", Boolean),
];

pub(super) const SN_TI_M2M_TASK_OBSERVABLE: &[ColumnSpec] =
    &[col("task", "Task", Reference("task")), col("observable", "Observable", Reference("sn_ti_observable"))];

pub(super) const SN_TI_LOOKUP_RESULT: &[ColumnSpec] = &[
    col("observable", "Observable", Reference("sn_ti_observable")),
    col("source_engine", "Source engine", Text(100)),
    col("finding", "Finding", Choice),
    col("raw_data", "Raw data", Text(65000)),
];

pub(super) const TASK_CI: &[ColumnSpec] =
    &[col("task", "Task", Reference("task")), col("ci_item", "Configuration Item", Reference("cmdb_ci"))];

pub(super) const SN_SI_M2M_TASK_AFFECTED_USER: &[ColumnSpec] =
    &[col("task", "Task", Reference("task")), col("user", "User", Reference("sys_user"))];
