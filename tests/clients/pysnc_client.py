"""ServiceNow's own PySNC against the sandbox."""

import uuid

from pysnc import ServiceNowClient
from pysnc.auth import ServiceNowClientCredentialsFlow, ServiceNowPasswordGrantFlow
from pysnc.exceptions import AuthenticationException, InsertException, RequestException, RoleException

from common import CA, SANDBOX, check, finish, part, raises

N = SANDBOX["servicenow"]
client = ServiceNowClient(N["url"], (N["user"], N["password"]), verify=CA)
mark = f"pysnc-{uuid.uuid4().hex[:8]}"


def insert(title, **fields):
    gr = client.GlideRecord("incident")
    gr.initialize()
    gr.short_description = title
    gr.correlation_display = mark
    for name, value in fields.items():
        gr.set_value(name, value)
    return str(gr.insert()), gr


def credentials():
    wrong = ServiceNowClient(N["url"], (N["user"], "wrong"), verify=CA)
    gr = wrong.GlideRecord("incident")
    error = raises("a wrong password", AuthenticationException, lambda: gr.query())
    check("in ServiceNow's words", "not authenticated" in str(error).lower(), str(error))


def crud():
    sys_id, gr = insert("Eins – ü漢", impact="1", urgency="2", description="two\nlines")
    check("a sys_id", len(sys_id) == 32, sys_id)
    check("numbered", gr.get_value("number").startswith("INC"), gr.get_value("number"))
    check("priority is computed", gr.get_value("priority") == "2", gr.get_value("priority"))
    check("display values", gr.get_display_value("state") == "New", gr.get_display_value("state"))
    check("text kept", gr.get_value("description") == "two\nlines")

    seen = client.GlideRecord("incident")
    check("get", seen.get(sys_id))
    check("get by field", client.GlideRecord("incident").get("number", gr.get_value("number")))
    check("missing", not client.GlideRecord("incident").get("0" * 32))
    seen.state = "2"
    seen.work_notes = "a note"
    check("update", str(seen.update()) == sys_id)
    check("state", seen.get_value("state") == "2" and seen.get_display_value("state") == "In Progress")
    check("mod count moved", int(seen.get_value("sys_mod_count")) == 1, seen.get_value("sys_mod_count"))

    notes = client.GlideRecord("sys_journal_field")
    notes.add_query("element_id", sys_id)
    notes.query()
    rows = [(n.get_value("element"), n.get_value("value"), n.get_value("sys_created_by")) for n in notes]
    check("journal", rows == [("work_notes", "a note", N["user"])], rows)

    seen.state = "6"
    error = raises("resolving takes a code", RoleException, lambda: seen.update())
    check("in the data policy's words", "Resolution code" in str(error), str(error))
    again = client.GlideRecord("incident")
    again.get(sys_id)
    again.state, again.close_code, again.close_notes = "6", "Solution provided", "done"
    again.update()
    check("resolved", again.get_value("state") == "6", again.get_value("state"))
    check("delete", again.delete())
    check("deleted", not client.GlideRecord("incident").get(sys_id))


def own_id():
    sys_id = uuid.uuid4().hex
    gr = client.GlideRecord("incident")
    gr.initialize()
    gr.set_new_guid_value(sys_id)
    gr.short_description = "own id"
    check("a chosen sys_id is kept", str(gr.insert()) == sys_id)
    twice = client.GlideRecord("incident")
    twice.initialize()
    twice.set_new_guid_value(sys_id)
    twice.short_description = "own id again"
    raises("never twice", (InsertException, RequestException, RoleException), lambda: twice.insert())


def queries():
    ids = [insert(f"row {i:02}", urgency=str(1 + i % 3), impact="3")[0] for i in range(25)]
    gr = client.GlideRecord("incident", batch_size=7)
    gr.add_query("correlation_display", mark)
    gr.add_query("short_description", "STARTSWITH", "row ")
    gr.order_by_desc("short_description")
    gr.query()
    check("counted", gr.get_row_count() == 25, gr.get_row_count())
    titles = [r.get_value("short_description") for r in gr]
    check("all pages in order", titles == [f"row {i:02}" for i in reversed(range(25))], titles)

    gr = client.GlideRecord("incident")
    gr.add_query("correlation_display", mark)
    condition = gr.add_query("urgency", "1")
    condition.add_or_condition("urgency", "2")
    gr.query()
    check("or condition", gr.get_row_count() == 17, gr.get_row_count())

    gr = client.GlideRecord("incident")
    gr.add_encoded_query(f"correlation_display={mark}^urgency=1^NQcorrelation_display={mark}^urgency=3")
    gr.query()
    check("new query branch", gr.get_row_count() == 17, gr.get_row_count())

    gr = client.GlideRecord("incident")
    gr.add_query("sys_id", "IN", ",".join(ids))
    gr.limit = 5
    gr.fields = "sys_id,number,urgency"
    gr.query()
    rows = list(gr)
    check("limit", len(rows) == 5, len(rows))
    gr = client.GlideRecord("incident")
    gr.add_encoded_query("no_such_field=1")
    gr.query()
    check("an invalid query fails open", gr.get_row_count() >= 25, gr.get_row_count())


def long_query():
    gr = client.GlideRecord("incident")
    gr.add_query("correlation_display", mark)
    for _ in range(2300):
        gr.add_query("AAAA", "BBBB")
    gr.query()
    check("a long query goes by batch", gr.get_row_count() == 25, gr.get_row_count())


def many():
    gr = client.GlideRecord("incident")
    gr.add_query("correlation_display", mark)
    gr.query()
    while gr.next():
        gr.set_value("description", "bulk")
    gr.rewind()
    check("update_multiple", gr.update_multiple())
    gr = client.GlideRecord("incident")
    gr.add_query("correlation_display", mark)
    gr.add_query("description", "bulk")
    gr.query()
    check("all updated", gr.get_row_count() == 25, gr.get_row_count())


def attachments():
    gr = client.GlideRecord("incident")
    gr.add_query("correlation_display", mark)
    gr.query()
    check("a record", gr.next())
    gr.add_attachment("notes.txt", b"one\ntwo \xc3\xbc", content_type="text/plain")
    gr.add_attachment("empty.bin", b"")
    names, content = [], None
    for a in gr.get_attachments():
        names.append(str(a.file_name))
        if a.file_name == "notes.txt":
            content = a.read()
            check("temp file", a.as_temp_file().read() == b"one\ntwo \xc3\xbc")
    check("attachments listed", sorted(names) == ["empty.bin", "notes.txt"], names)
    check("content", content == b"one\ntwo \xc3\xbc", content)


def oauth():
    for flow in [
        ServiceNowPasswordGrantFlow(N["user"], N["password"], N["client_id"], N["client_secret"]),
        ServiceNowClientCredentialsFlow(N["client_id"], N["client_secret"]),
    ]:
        other = ServiceNowClient(N["url"], flow, verify=CA)
        gr = other.GlideRecord("incident")
        gr.add_query("correlation_display", mark)
        gr.query()
        check(type(flow).__name__, gr.get_row_count() == 25, gr.get_row_count())


def cleaning():
    gr = client.GlideRecord("incident")
    gr.add_query("correlation_display", mark)
    check("delete_multiple", gr.delete_multiple())
    gr = client.GlideRecord("incident")
    gr.add_query("correlation_display", mark)
    gr.query()
    check("all gone", gr.get_row_count() == 0, gr.get_row_count())


for work in [credentials, crud, own_id, queries, long_query, many, attachments, oauth, cleaning]:
    part(work)
finish()
