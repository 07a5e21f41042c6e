//! The Attachment API (servicenow-api, 3.4). Metadata are strings whatever is asked for.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::Call;
use super::multipart::{self, Form};
use crate::sandbox::servicenow::DeskWorld;
use crate::sandbox::servicenow::acl::Rights;
use crate::sandbox::servicenow::answer::{
    failure, no_record, no_resource, query_denied, refused, result, wrong_method,
};
use crate::sandbox::servicenow::params::Show;
use crate::sandbox::servicenow::query::Query;
use crate::sandbox::servicenow::query::filter::Ground;
use crate::sandbox::servicenow::query::select::select;
use crate::sandbox::servicenow::schema::TableSchema;
use crate::sandbox::servicenow::store::Row;
use crate::sandbox::servicenow::write::Writer;
use crate::sandbox::wire::Response;

const KEYS: [&str; 20] = [
    "size_bytes",
    "file_name",
    "sys_mod_count",
    "average_image_color",
    "image_width",
    "image_height",
    "sys_updated_on",
    "sys_tags",
    "table_name",
    "sys_id",
    "sys_updated_by",
    "content_type",
    "sys_created_on",
    "size_compressed",
    "compressed",
    "state",
    "table_sys_id",
    "chunk_size_bytes",
    "hash",
    "sys_created_by",
];

/// A file on its way in.
struct Upload<'a> {
    table: &'a str,
    record: &'a str,
    name: &'a str,
    kind: &'a str,
    bytes: &'a [u8],
}

impl DeskWorld {
    /// Everything below `/attachment`.
    pub(super) fn attachment(&mut self, call: &Call<'_>, place: &[&str]) -> Response {
        match (call.method.as_str(), place) {
            ("GET" | "HEAD", []) => self.attachments(call),
            ("POST", ["file"]) => self.upload_file(call),
            ("POST", ["upload"]) => self.upload_form(call),
            ("GET" | "HEAD", [sys_id]) => match self.visible_file(call, sys_id) {
                Some((schema, row)) => result(200, metadata(call, schema, row)),
                None => no_record(),
            },
            ("GET", [sys_id, "file"]) => self.download(call, sys_id),
            ("DELETE", [sys_id]) => self.delete_file(call, sys_id),
            (_, [] | [_] | [_, "file"]) => wrong_method(),
            _ => no_resource(),
        }
    }

    fn attachments(&self, call: &Call<'_>) -> Response {
        let rights = Rights::new(&self.switches, &call.caller);
        let env = self.env(&call.caller, call.now);
        let strict = self.switches.invalid_query_returns_no_rows;
        let ground = Ground { store: &self.store, env: &env, rights: &rights, strict };
        let query = Query::parse(call.params.query.as_deref().unwrap_or(""));
        let hits = match select(&ground, "sys_attachment", &query, None, None) {
            Ok(hits) => hits,
            Err(denied) => return query_denied(&denied),
        };
        let page = hits.iter().skip(call.params.offset).take(call.params.limit);
        let shown = page
            .filter(|hit| self.visible_file(call, hit.row.id()).is_some())
            .map(|hit| metadata(call, hit.schema, &hit.row));
        let rows = Value::Array(shown.collect());
        result(200, rows).with("x-total-count", hits.len().to_string())
    }

    /// An attachment whose parent record the caller may see.
    fn visible_file(&self, call: &Call<'_>, sys_id: &str) -> Option<(&TableSchema, &Row)> {
        let rights = Rights::new(&self.switches, &call.caller);
        let (schema, row) = self.store.find("sys_attachment", sys_id)?;
        let (parent, record) =
            self.store.find(row.get(schema, "table_name"), row.get(schema, "table_sys_id"))?;
        (rights.record(parent, record) && rights.row("sys_attachment", sys_id)).then_some((schema, row))
    }

    fn upload_file(&mut self, call: &Call<'_>) -> Response {
        let get = |name: &str| call.params.get(name).filter(|v| !v.is_empty());
        let (Some(table), Some(record), Some(name)) =
            (get("table_name"), get("table_sys_id"), get("file_name"))
        else {
            let detail = "table_name, table_sys_id and file_name are required";
            return failure(400, "Missing required parameters", Some(detail));
        };
        let kind = call.request.header("content-type").unwrap_or("application/octet-stream");
        self.keep(call, &Upload { table, record, name, kind, bytes: &call.request.body })
    }

    fn upload_form(&mut self, call: &Call<'_>) -> Response {
        let kind = call.request.header("content-type").unwrap_or("");
        let Some(form) = multipart::read(kind, &call.request.body) else {
            return failure(400, "Invalid multipart request", Some("The boundary of the parts is missing"));
        };
        let Form { fields, file } = form;
        let get = |name: &str| fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        let (Some(table), Some(record), Some(file)) = (get("table_name"), get("table_sys_id"), file) else {
            let detail = "table_name, table_sys_id and uploadFile are required";
            return failure(400, "Missing required parameters", Some(detail));
        };
        let upload = Upload { table, record, name: &file.name, kind: &file.content_type, bytes: file.bytes };
        self.keep(call, &upload)
    }

    fn keep(&mut self, call: &Call<'_>, upload: &Upload<'_>) -> Response {
        let rights = Rights::new(&self.switches, &call.caller);
        let parent = self.store.find(upload.table, upload.record);
        let parent = parent.filter(|(schema, row)| rights.record(schema, row)).map(|(schema, _)| schema.name);
        let Some(parent) = parent.filter(|t| self.installed(t).is_some()) else { return no_record() };
        if !rights.writes(parent) {
            return refused("Insert");
        }
        let hash: String = Sha256::digest(upload.bytes).iter().map(|b| format!("{b:02x}")).collect();
        let size = upload.bytes.len().to_string();
        let fields: Vec<(String, String)> = [
            ("file_name", upload.name),
            ("content_type", upload.kind),
            ("size_bytes", &size),
            ("size_compressed", &size),
            ("compressed", "true"),
            ("chunk_size_bytes", "700000"),
            ("hash", &hash),
            ("table_name", upload.table),
            ("table_sys_id", upload.record),
            ("state", "available"),
        ]
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
        let writer = Writer::plain(&call.caller, call.now);
        let Ok(sys_id) = self.insert("sys_attachment", &fields, &writer) else { return refused("Insert") };
        self.files.insert(sys_id.clone(), upload.bytes.to_vec());
        let Some((schema, row)) = self.store.find("sys_attachment", &sys_id) else { return no_record() };
        let location = format!("{}/attachment/{sys_id}/file", call.base);
        result(201, metadata(call, schema, row)).with("location", location)
    }

    fn download(&self, call: &Call<'_>, sys_id: &str) -> Response {
        let Some((schema, row)) = self.visible_file(call, sys_id) else { return no_record() };
        let bytes = self.files.get(sys_id).cloned().unwrap_or_default();
        let name = row.get(schema, "file_name").replace(['"', '\r', '\n'], "_");
        Response {
            status: 200,
            headers: vec![("content-type".into(), row.get(schema, "content_type").into())],
            body: bytes,
        }
        .with("content-disposition", format!("attachment;filename=\"{name}\""))
        .with("x-attachment-metadata", metadata(call, schema, row).to_string())
    }

    fn delete_file(&mut self, call: &Call<'_>, sys_id: &str) -> Response {
        let Some((schema, row)) = self.visible_file(call, sys_id) else { return no_record() };
        let parent = row.get(schema, "table_name").to_owned();
        if !Rights::new(&self.switches, &call.caller).writes(&parent) {
            return refused("Delete");
        }
        match self.erase("sys_attachment", sys_id, &Writer::plain(&call.caller, call.now)) {
            Ok(()) => Response::new(204),
            Err(_) => no_record(),
        }
    }
}

fn metadata(call: &Call<'_>, schema: &TableSchema, row: &Row) -> Value {
    let mut out = Map::new();
    for key in KEYS {
        out.insert(key.into(), Value::String(row.get(schema, key).to_owned()));
    }
    if call.params.show == Show::Labels {
        // Only dates differ by who looks.
        for key in ["sys_created_on", "sys_updated_on"] {
            out.insert(key.into(), Value::String(call.caller.clock.show(row.get(schema, key))));
        }
    }
    let link = format!("{}/attachment/{}/file", call.base, row.id());
    out.insert("download_link".into(), Value::String(link));
    Value::Object(out)
}
