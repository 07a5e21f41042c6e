//! The ServiceNow half: OAuth, Table API, journals, batch and attachments.
