"""pysnow against the sandbox."""

import os
import socket
import ssl
import tempfile
import uuid

import pysnow
import requests
from pysnow.exceptions import NoResults

from common import CA, SANDBOX, check, finish, part, raises

N = SANDBOX["servicenow"]
HOST = N["url"].removeprefix("https://")
mark = f"pysnow-{uuid.uuid4().hex[:8]}"


def connect():
    session = requests.Session()
    session.auth = (N["user"], N["password"])
    session.verify = CA
    return pysnow.Client(host=HOST, session=session)


client = connect()
incidents = client.resource(api_path="/table/incident")


def crud():
    made = incidents.create({"short_description": "Über – 漢", "correlation_id": mark, "urgency": "1"}).one()
    check("created", len(made["sys_id"]) == 32 and made["urgency"] == "1", made)
    seen = incidents.get(query={"correlation_id": mark}).one()
    check("read", seen["sys_id"] == made["sys_id"] and seen["short_description"] == "Über – 漢")
    changed = incidents.update({"correlation_id": mark}, {"state": "2", "work_notes": "x"}).one()
    check("updated", changed["state"] == "2", changed["state"])
    check("journal reads empty", changed["work_notes"] == "", changed["work_notes"])
    gone = incidents.delete({"correlation_id": mark})
    check("deleted", gone["status"] == "record deleted", gone)
    check("none left", incidents.get(query={"correlation_id": mark}).one_or_none() is None)
    raises("first of nothing", NoResults,
           lambda: incidents.get(query={"correlation_id": mark}, stream=True).first())


def queries():
    for i in range(12):
        incidents.create({"short_description": f"row {i:02}", "correlation_display": mark, "impact": str(1 + i % 3)})
    query = (pysnow.QueryBuilder().field("correlation_display").equals(mark)
             .AND().field("impact").equals(["1", "2"]).AND().field("short_description").order_descending())
    rows = list(incidents.get(query=query).all())
    check("query builder", [r["short_description"] for r in rows]
          == [f"row {i:02}" for i in reversed(range(12)) if i % 3 < 2], rows)
    streamed = incidents.get(query={"correlation_display": mark}, stream=True)
    check("streamed", sum(1 for _ in streamed.all()) == 12)
    page = incidents.get(query={"correlation_display": mark}, limit=5, offset=10)
    check("a page", len(list(page.all())) == 2)
    check("total", page.headers["X-Total-Count"] == "12", page.headers)
    few = incidents.get(query={"correlation_display": mark}, fields=["number"], limit=1).one()
    check("fields", set(few) == {"number"}, few)
    caller = "5d1e0a4297bb4110d21cfa7b31e70101"
    incidents.update({"correlation_display": mark, "short_description": "row 00"}, {"caller_id": caller})
    one = incidents.get(query={"correlation_display": mark, "short_description": "row 00"}).one()
    check("reference with link", one["caller_id"]["value"] == caller
          and one["caller_id"]["link"] == f"{N['url']}/api/now/table/sys_user/{caller}", one["caller_id"])


def attachments():
    target = incidents.get(query={"correlation_display": mark}, limit=1).one()["sys_id"]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "evidence.txt")
        with open(path, "w", encoding="utf-8") as file:
            file.write("evidence ü")
        made = incidents.attachments.upload(sys_id=target, file_path=path).one()
    check("uploaded", made["file_name"] == "evidence.txt", made)
    listed = list(incidents.attachments.get(sys_id=target))
    check("listed", [a["sys_id"] for a in listed] == [made["sys_id"]], listed)
    body = client.session.get(f"{N['url']}/api/now/attachment/{made['sys_id']}/file")
    check("content", body.content.decode() == "evidence ü", body.content)
    incidents.attachments.delete(made["sys_id"])
    check("deleted", list(incidents.attachments.get(sys_id=target)) == [])


def leaking_parameters():
    connected = connect()
    table = connected.resource(api_path="/table/incident")
    table.parameters.display_value = True
    row = table.get(query={"correlation_display": mark}, limit=1).one()
    check("display values", row["state"] == "New", row["state"])
    table.parameters.add_custom({"table_name": "incident", "file_name": "x"})
    rows = list(table.get(query={"correlation_display": mark}).all())
    check("unknown parameters beside a query are ignored", len(rows) == 12, len(rows))


def oauth():
    os.environ["REQUESTS_CA_BUNDLE"] = CA
    other = pysnow.OAuthClient(client_id=N["client_id"], client_secret=N["client_secret"], host=HOST)
    token = other.generate_token(N["user"], N["password"])
    check("token", token["token_type"] == "Bearer" and token["expires_in"] > 0, token)
    other.set_token(token)
    rows = list(other.resource(api_path="/table/incident").get(query={"correlation_display": mark}).all())
    check("read with a token", len(rows) == 12, len(rows))
    fresh = []
    other.token_updater = fresh.append
    expired = dict(token, expires_at=1.0, expires_in=-10)
    other.set_token(expired)
    rows = list(other.resource(api_path="/table/incident").get(query={"correlation_display": mark}).all())
    check("refreshed", len(rows) == 12 and len(fresh) == 1, fresh)


def strict_tls():
    for side in ("sentinel", "servicenow"):
        port = int(SANDBOX[side]["url"].rsplit(":", 1)[1])
        for name in ("127.0.0.1", "localhost"):
            context = ssl.create_default_context(cafile=CA)
            context.verify_flags |= ssl.VERIFY_X509_STRICT
            with socket.create_connection(("127.0.0.1", port)) as plain:
                with context.wrap_socket(plain, server_hostname=name) as secured:
                    check(f"{side} as {name}", secured.version() in ("TLSv1.2", "TLSv1.3"), secured.version())


for work in [strict_tls, crud, queries, attachments, leaking_parameters, oauth]:
    part(work)
finish()
