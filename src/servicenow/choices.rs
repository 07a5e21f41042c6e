//! Choice lists. A table's own choices for a field replace those that it would inherit from
//! `task` (documented).

use super::client::DeskClient;
use super::paging::field;
use super::query::{Atom, Query};
use super::table::{ListAsk, hidden, ignored};
use crate::model::call::Answer;
use crate::model::{CallError, Choice, TableName};

const TABLE: &str = "sys_choice";
const PARENT: &str = "task";

struct Found {
    own: bool,
    sequence: i64,
    choice: Choice,
}

impl DeskClient {
    /// Choices of these fields in the settings' language, in the order of the fields, then of
    /// the list; inactive ones are marked.
    pub(super) async fn choices(
        &self,
        table: &TableName,
        elements: &[String],
    ) -> Result<Answer<Vec<Choice>>, CallError> {
        if elements.is_empty() {
            return Ok(Answer::default());
        }
        let names = elements.iter().map(|e| Atom::word(e)).collect::<Result<Vec<_>, _>>()?;
        let tables = [Atom::word(table.as_str())?, Atom::word(PARENT)?];
        let query = Query::new()
            .any(&field("name")?, &tables)
            .any(&field("element")?, &names)
            .is(&field("language")?, &Atom::word(&self.settings.language)?)
            .order(&field("sys_id")?);
        let fields =
            ["sys_id", "name", "element", "value", "label", "inactive", "sequence"].map(str::to_owned);
        let limit = self.settings.page_limit;
        let page = self.list_all(ListAsk { table: TABLE, query, fields: &fields, limit, offset: 0 }).await?;
        if page.rows.is_empty() && page.total > 0 {
            return Err(hidden(TABLE));
        }
        let mut found = Vec::new();
        for row in &page.rows {
            let (name, element) = (row.need("name")?, row.need("element")?.to_owned());
            if !(name == table.as_str() || name == PARENT) || !elements.contains(&element) {
                return Err(ignored("a choice of another field came".into()));
            }
            let choice = Choice {
                element,
                value: row.need("value")?.to_owned(),
                label: row.text("label").into(),
                inactive: row.text("inactive") == "true",
            };
            let sequence = row.text("sequence").trim().parse().unwrap_or(i64::MAX);
            found.push(Found { own: name == table.as_str(), sequence, choice });
        }
        let value = elements.iter().flat_map(|e| of_element(&found, e)).collect();
        Ok(Answer { value, date: page.date, calls_left: None })
    }
}

fn of_element(found: &[Found], element: &str) -> Vec<Choice> {
    let own = found.iter().any(|f| f.own && f.choice.element == element);
    let mut list: Vec<&Found> =
        found.iter().filter(|f| f.own == own && f.choice.element == element).collect();
    list.sort_by(|a, b| (a.sequence, &a.choice.value).cmp(&(b.sequence, &b.choice.value)));
    let mut out: Vec<Choice> = list.into_iter().map(|f| f.choice.clone()).collect();
    // The same value may stand there once per dependent value.
    out.dedup_by(|b, a| a.value == b.value && a.label == b.label);
    out
}
