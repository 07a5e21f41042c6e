//! The columns of the task family, and the list of all tables (servicenow-api, 3.5, 4 and 5).

mod supporting;

use super::ColumnSpec;
use super::Kind::{
    self, Boolean, Choice, Class, DateTime, Domain, Duration, IntChoice, Integer, Journal, List, Reference,
    Text,
};
use super::TableSpec;

pub(super) const fn col(name: &'static str, label: &'static str, kind: Kind) -> ColumnSpec {
    ColumnSpec { name, label, kind }
}

/// Columns of every table, at standing positions.
pub(super) const COMMON: &[ColumnSpec] = &[
    col("sys_id", "Sys ID", Text(32)),
    col("sys_created_on", "Created", DateTime),
    col("sys_created_by", "Created by", Text(40)),
    col("sys_updated_on", "Updated", DateTime),
    col("sys_updated_by", "Updated by", Text(40)),
    col("sys_mod_count", "Updates", Integer),
    col("sys_tags", "Tags", Text(255)),
];

const TASK: &[ColumnSpec] = &[
    col("number", "Number", Text(40)),
    col("state", "State", IntChoice),
    col("short_description", "Short description", Text(160)),
    col("description", "Description", Text(4000)),
    col("active", "Active", Boolean),
    col("priority", "Priority", IntChoice),
    col("impact", "Impact", IntChoice),
    col("urgency", "Urgency", IntChoice),
    col("assigned_to", "Assigned to", Reference("sys_user")),
    col("assignment_group", "Assignment group", Reference("sys_user_group")),
    col("opened_at", "Opened", DateTime),
    col("opened_by", "Opened by", Reference("sys_user")),
    col("closed_at", "Closed", DateTime),
    col("closed_by", "Closed by", Reference("sys_user")),
    col("close_notes", "Close notes", Text(4000)),
    col("work_notes", "Work notes", Journal),
    col("comments", "Additional comments", Journal),
    col("comments_and_work_notes", "Comments and Work notes", Journal),
    col("work_notes_list", "Work notes list", List("sys_user")),
    col("watch_list", "Watch list", List("sys_user")),
    col("additional_assignee_list", "Additional assignee list", List("sys_user")),
    col("group_list", "Group list", List("sys_user_group")),
    col("correlation_id", "Correlation ID", Text(100)),
    col("correlation_display", "Correlation display", Text(100)),
    col("cmdb_ci", "Configuration item", Reference("cmdb_ci")),
    col("business_service", "Service", Reference("cmdb_ci")),
    col("company", "Company", Reference("core_company")),
    col("location", "Location", Text(100)),
    col("contact_type", "Contact type", Choice),
    col("parent", "Parent", Reference("task")),
    col("escalation", "Escalation", IntChoice),
    col("approval", "Approval", Choice),
    col("upon_reject", "Upon reject", Choice),
    col("upon_approval", "Upon approval", Choice),
    col("approval_history", "Approval history", Journal),
    col("approval_set", "Approval set", DateTime),
    col("made_sla", "Made SLA", Boolean),
    col("knowledge", "Knowledge", Boolean),
    col("reassignment_count", "Reassignment count", Integer),
    col("due_date", "Due date", DateTime),
    col("expected_start", "Expected start", DateTime),
    col("sla_due", "SLA due", DateTime),
    col("work_start", "Actual start", DateTime),
    col("work_end", "Actual end", DateTime),
    col("activity_due", "Activity due", DateTime),
    col("follow_up", "Follow up", DateTime),
    col("business_duration", "Business duration", Duration),
    col("calendar_duration", "Duration", Duration),
    col("time_worked", "Time worked", Duration),
    col("order", "Order", Integer),
    col("task_effective_number", "Effective number", Text(40)),
    col("universal_request", "Universal Request", Reference("task")),
    col("delivery_plan", "Delivery plan", Text(32)),
    col("delivery_task", "Delivery task", Text(32)),
    col("user_input", "User input", Text(4000)),
    col("route_reason", "Transfer reason", Integer),
    col("skills", "Skills", Text(4000)),
    col("sys_class_name", "Task type", Class),
    col("sys_domain", "Domain", Domain),
    col("sys_domain_path", "Domain Path", Text(255)),
];

const INCIDENT: &[ColumnSpec] = &[
    col("caller_id", "Caller", Reference("sys_user")),
    col("category", "Category", Choice),
    col("subcategory", "Subcategory", Choice),
    col("incident_state", "Incident state", IntChoice),
    col("severity", "Severity", IntChoice),
    col("notify", "Notify", IntChoice),
    col("close_code", "Resolution code", Choice),
    col("hold_reason", "On hold reason", IntChoice),
    col("resolved_at", "Resolved", DateTime),
    col("resolved_by", "Resolved by", Reference("sys_user")),
    col("reopen_count", "Reopen count", Integer),
    col("reopened_time", "Last reopened at", DateTime),
    col("reopened_by", "Last reopened by", Reference("sys_user")),
    col("child_incidents", "Child Incidents", Integer),
    col("parent_incident", "Parent Incident", Reference("incident")),
    col("problem_id", "Problem", Reference("problem")),
    col("rfc", "Change Request", Reference("task")),
    col("caused_by", "Caused by Change", Reference("task")),
    col("cause", "Probable cause", Text(4000)),
    col("calendar_stc", "Resolve time", Integer),
    col("business_stc", "Business resolve time", Integer),
    col("business_impact", "Business impact", Text(4000)),
    col("service_offering", "Service offering", Reference("cmdb_ci")),
    col("origin_id", "Origin", Reference("task")),
    col("origin_table", "Origin table", Text(80)),
];

const PROBLEM: &[ColumnSpec] = &[
    col("known_error", "Known error", Boolean),
    col("problem_state", "Problem state", IntChoice),
    col("fix_notes", "Fix notes", Text(4000)),
    col("cause_notes", "Cause notes", Text(4000)),
];

const SN_SI_INCIDENT: &[ColumnSpec] = &[
    col("caller", "Requested by", Reference("sys_user")),
    col("opened_for", "Opened for", Reference("sys_user")),
    col("requested_by", "Requested by", Reference("sys_user")),
    col("affected_user", "Affected user", Reference("sys_user")),
    col("category", "Category", Choice),
    col("subcategory", "Subcategory", Choice),
    col("substate", "Substate", Choice),
    col("severity", "Severity", IntChoice),
    col("business_criticality", "Business criticality", IntChoice),
    col("risk_score", "Risk score", Integer),
    col("risk_score_override", "Risk score override", Boolean),
    col("external_risk_score", "External risk score", Integer),
    col("attack_vector", "Attack vector", Choice),
    col("alert_id", "Alert ID", Text(255)),
    col("alert_rule", "Alert rule", Text(255)),
    col("alert_sensor", "Alert sensor", Choice),
    col("external_url", "External URL", Text(1024)),
    col("incident", "Incident", Reference("incident")),
    col("problem", "Problem", Reference("problem")),
    col("change_request", "Change request", Reference("task")),
    col("parent_security_incident", "Parent security incident", Reference("sn_si_incident")),
    col("secure_notes", "Secure notes", Text(4000)),
    col("security_tags", "Security tags", List("sn_ti_observable_type")),
    col("special_access_read", "Read access", List("sys_user")),
    col("special_access_write", "Privileged access", List("sys_user")),
    col("close_code", "Close code", Choice),
    col("calendar_stc", "Resolve time", Integer),
    col("reopen_count", "Reopen count", Integer),
];

const SN_SI_TASK: &[ColumnSpec] = &[
    col("security_tags", "Security tags", List("sn_ti_observable_type")),
    col("outcome", "Outcome", Choice),
];

/// Every table; the parent of a table stands in the list as well.
pub(super) const TABLES: &[TableSpec] = &[
    table("task", "Task", None, "number", "TASK", TASK),
    table("incident", "Incident", Some("task"), "number", "INC", INCIDENT),
    table("problem", "Problem", Some("task"), "number", "PRB", PROBLEM),
    table("sn_si_incident", "Security Incident", Some("task"), "number", "SIR", SN_SI_INCIDENT),
    table("sn_si_task", "Response Task", Some("task"), "number", "SIT", SN_SI_TASK),
    table("sys_user", "User", None, "name", "", supporting::SYS_USER),
    table("sys_user_group", "Group", None, "name", "", supporting::SYS_USER_GROUP),
    table("sys_user_grmember", "Group Member", None, "user", "", supporting::SYS_USER_GRMEMBER),
    table("sys_choice", "Choice", None, "label", "", supporting::SYS_CHOICE),
    table("sys_journal_field", "Journal Entry", None, "element", "", supporting::SYS_JOURNAL_FIELD),
    table("sys_audit", "Audit", None, "documentkey", "", supporting::SYS_AUDIT),
    table("sys_dictionary", "Dictionary Entry", None, "element", "", supporting::SYS_DICTIONARY),
    table("sys_properties", "System Property", None, "name", "", supporting::SYS_PROPERTIES),
    table("sys_db_object", "Table", None, "name", "", supporting::SYS_DB_OBJECT),
    table("sys_plugins", "System Plugin", None, "name", "", supporting::SYS_PLUGINS),
    table("cmdb_ci", "Configuration Item", None, "name", "", supporting::CMDB_CI),
    table("core_company", "Company", None, "name", "", supporting::CORE_COMPANY),
    table("sys_attachment", "Attachment", None, "file_name", "", supporting::SYS_ATTACHMENT),
    table("sn_ti_observable_type", "Observable Type", None, "name", "", supporting::SN_TI_OBSERVABLE_TYPE),
    table("sn_ti_observable", "Observable", None, "value", "", supporting::SN_TI_OBSERVABLE),
    table(
        "sn_ti_m2m_task_observable",
        "Task Observable",
        None,
        "observable",
        "",
        supporting::SN_TI_M2M_TASK_OBSERVABLE,
    ),
    table(
        "sn_ti_lookup_result",
        "Threat Lookup Result",
        None,
        "observable",
        "",
        supporting::SN_TI_LOOKUP_RESULT,
    ),
    table("task_ci", "CIs Affected", None, "ci_item", "", supporting::TASK_CI),
    table(
        "sn_si_m2m_task_affected_user",
        "Affected User",
        None,
        "user",
        "",
        supporting::SN_SI_M2M_TASK_AFFECTED_USER,
    ),
];

const fn table(
    name: &'static str,
    label: &'static str,
    parent: Option<&'static str>,
    display: &'static str,
    prefix: &'static str,
    columns: &'static [ColumnSpec],
) -> TableSpec {
    TableSpec { name, label, parent, display, prefix, columns }
}
