"""Microsoft's SDK for Sentinel, either generation, against the sandbox."""

import uuid

import azure.mgmt.securityinsight as package
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.identity import ClientSecretCredential
from azure.mgmt.securityinsight import models

from common import CA, SANDBOX, check, finish, part, raises

S = SANDBOX["sentinel"]
RG, WS = S["resource_group"], S["workspaces"][0]
FIRST = hasattr(package, "SecurityInsights")  # 1.0.0 flattens properties, 2.0.0b4 does not


def credential(secret=S["client_secret"]):
    return ClientSecretCredential(
        S["tenant"], S["client_id"], secret,
        authority=S["authority"], disable_instance_discovery=True, connection_verify=CA, retry_total=0,
    )


def connect(cred):
    kind = package.SecurityInsights if FIRST else package.SecurityInsightsMgmtClient
    extra = {} if FIRST else {"credential_scopes": ["https://management.azure.com/.default"]}
    return kind(cred, S["subscription"], base_url=S["url"], connection_verify=CA, retry_total=0, **extra)


client = connect(credential())


def props(thing):
    return thing if FIRST else thing.properties


def incident(etag=None, **members):
    if FIRST:
        return models.Incident(etag=etag, **members)
    return models.Incident(etag=etag, properties=models.IncidentProperties(**members))


def comment(message):
    if FIRST:
        return models.IncidentComment(message=message)
    return models.IncidentComment(properties=models.IncidentCommentProperties(message=message))


def relation(resource):
    if FIRST:
        return models.Relation(related_resource_id=resource)
    return models.Relation(properties=models.RelationProperties(related_resource_id=resource))


def writable(seen, **changes):
    """All writable members of an incident as seen, with changes, for a full replacement."""
    p = props(seen)
    names = ["title", "description", "severity", "status", "labels", "owner", "classification",
             "classification_reason", "classification_comment"]
    members = {n: getattr(p, n) for n in names if getattr(p, n) is not None}
    members.update(changes)
    return members


def tokens():
    token = credential().get_token("https://management.azure.com/.default")
    check("a token of some length", len(token.token) > 20)
    error = raises("a wrong secret is refused", ClientAuthenticationError,
                   lambda: credential("wrong").get_token("https://management.azure.com/.default"))
    check("in Entra's words", "AADSTS7000215" in str(error), str(error))


def onboarding():
    state = client.sentinel_onboarding_states.get(RG, WS, "default")
    check("the workspace is onboarded", state.name == "default", state)
    error = raises("an unknown workspace is not found", ResourceNotFoundError,
                   lambda: client.incidents.get(RG, "no-such-workspace", str(uuid.uuid4())))
    check("with a code", bool(error.error and error.error.code), error)


def listing():
    everything = list(client.incidents.list(RG, WS))
    check("default paging reaches all", len(everything) >= 120, len(everything))
    check("no incident twice", len({i.name for i in everything}) == len(everything))
    small = list(client.incidents.list(RG, WS, top=7))
    check("top is a page size", len(small) == len(everything), len(small))
    ordered = list(client.incidents.list(RG, WS, orderby="properties/createdTimeUtc desc", top=50))
    stamps = [props(i).created_time_utc for i in ordered]
    check("ordered by creation, descending", stamps == sorted(stamps, reverse=True))
    ordered = list(client.incidents.list(RG, WS, orderby="properties/incidentNumber asc"))
    numbers = [props(i).incident_number for i in ordered]
    check("ordered by number", numbers == sorted(numbers))


def filters():
    def query(text):
        return list(client.incidents.list(RG, WS, filter=text))

    everything = query("properties/incidentNumber gt 0")
    high = query("properties/severity eq 'High'")
    check("severity", high and all(props(i).severity == "High" for i in high))
    snow = query("properties/labels/any(i:i/labelName eq 'snow')")
    check("label", 0 < len(snow) < len(everything), len(snow))
    check("label of all", all(any(x.label_name == "snow" for x in props(i).labels) for i in snow))
    both = query("properties/status eq 'New' and (properties/severity eq 'High' or properties/severity eq 'Low')")
    check("and, or", both and all(props(i).status == "New" and props(i).severity in ("High", "Low") for i in both))
    middle = sorted(props(i).last_modified_time_utc for i in everything)[len(everything) // 2]
    text = middle.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    young = query(f"properties/lastModifiedTimeUtc ge {text}")
    expected = [i for i in everything if props(i).last_modified_time_utc >= middle]
    check("stamps", len(young) == len(expected), len(young), len(expected))
    found = query("contains(tolower(properties/title),'phishing')")
    check("contains", all("phishing" in props(i).title.lower() for i in found))
    raises("nonsense is refused", HttpResponseError, lambda: query("properties/nonsense zz 1"))


def life():
    name = str(uuid.uuid4())
    made = client.incidents.create_or_update(
        RG, WS, name,
        incident(title="Made by the SDK – ü漢", description="two\nlines", severity="Medium", status="New",
                 labels=[models.IncidentLabel(label_name="snow")]),
    )
    check("created with our name", made.name == name)
    check("numbered", props(made).incident_number > 0)
    check("title kept", props(made).title == "Made by the SDK – ü漢", props(made).title)
    seen = client.incidents.get(RG, WS, name)
    check("etag is the same in PUT and GET", seen.etag == made.etag, seen.etag, made.etag)

    changed = client.incidents.create_or_update(
        RG, WS, name, incident(etag=seen.etag, **writable(seen, severity="High", status="Active")))
    check("updated", (props(changed).severity, props(changed).status) == ("High", "Active"))
    check("a new etag", changed.etag != seen.etag)
    error = raises("a stale etag conflicts", ResourceExistsError,
                   lambda: client.incidents.create_or_update(RG, WS, name, incident(etag=seen.etag, **writable(seen))))
    check("with the documented words", "Newer version of resource" in str(error), str(error))

    owner = models.IncidentOwnerInfo(object_id="6f1e7a52-0c1b-4c55-9a30-5e2d8f3b1001")
    owned = client.incidents.create_or_update(
        RG, WS, name, incident(etag=changed.etag, **writable(changed, owner=owner)))
    check("owner resolved", props(owned).owner.assigned_to == "Noor Haddad", props(owned).owner)
    members = writable(owned, owner=models.IncidentOwnerInfo())
    freed = client.incidents.create_or_update(RG, WS, name, incident(etag=owned.etag, **members))
    check("owner cleared by replacement", not props(freed).owner or not props(freed).owner.assigned_to)

    raises("closing takes a classification", HttpResponseError, lambda: client.incidents.create_or_update(
        RG, WS, name, incident(etag=freed.etag, **writable(freed, status="Closed"))))
    closed = client.incidents.create_or_update(RG, WS, name, incident(etag=freed.etag, **writable(
        freed, status="Closed", classification="FalsePositive", classification_reason="InaccurateData",
        classification_comment="done")))
    check("closed", (props(closed).status, props(closed).classification) == ("Closed", "FalsePositive"))
    members = writable(closed, status="Active")
    for gone in ("classification", "classification_reason", "classification_comment"):
        members.pop(gone, None)
    opened = client.incidents.create_or_update(RG, WS, name, incident(etag=closed.etag, **members))
    check("reopened without classification", not props(opened).classification, props(opened).classification)

    client.incidents.delete(RG, WS, name)
    raises("deleted", ResourceNotFoundError, lambda: client.incidents.get(RG, WS, name))
    client.incidents.delete(RG, WS, name)
    check("deleting again is no error", True)


def comments():
    target = next(iter(client.incidents.list(RG, WS, orderby="properties/incidentNumber desc", top=1)))
    before = len(list(client.incident_comments.list(RG, WS, target.name)))
    name = str(uuid.uuid4())
    made = client.incident_comments.create_or_update(RG, WS, target.name, name, comment("<p>eins</p>\nzwei & drei"))
    check("comment id is ours", made.name == name)
    check("message kept", props(made).message == "<p>eins</p>\nzwei & drei", props(made).message)
    check("author is the application", bool(props(made).author and props(made).author.name))
    client.incident_comments.create_or_update(RG, WS, target.name, name, comment("eins"))
    listed = list(client.incident_comments.list(RG, WS, target.name))
    check("the same id twice is one comment", len(listed) == before + 1, len(listed), before)
    seen = client.incidents.get(RG, WS, target.name)
    check("counted", props(seen).additional_data.comments_count == len(listed))
    check("read back", props(client.incident_comments.get(RG, WS, target.name, name)).message == "eins")
    raises("too long", HttpResponseError, lambda: client.incident_comments.create_or_update(
        RG, WS, target.name, str(uuid.uuid4()), comment("x" * 30001)))
    client.incident_comments.delete(RG, WS, target.name, name)
    check("deleted", len(list(client.incident_comments.list(RG, WS, target.name))) == before)


def parts_of_incidents():
    rows = list(client.incidents.list(RG, WS))
    # Alerts of Defender's incidents stay where they are.
    native = [i for i in rows if "Microsoft Defender XDR" not in (props(i).additional_data.alert_product_names or [])]
    check("incidents of both providers", 0 < len(native) < len(rows), len(native), len(rows))
    rich = max(native, key=lambda i: props(i).additional_data.alerts_count or 0)
    alerts = client.incidents.list_alerts(RG, WS, rich.name).value
    check("alerts", len(alerts) == props(rich).additional_data.alerts_count > 1, len(alerts))
    check("an alert has a name and an id",
          all(props(a).alert_display_name and props(a).system_alert_id for a in alerts))
    kinds = set()
    for row in rows:
        found = client.incidents.list_entities(RG, WS, row.name)
        kinds |= {str(e.kind) for e in found.entities}
        total = sum(m.count for m in found.meta_data)
        if total != len(found.entities):
            check("meta data count what is there", False, total, len(found.entities))
    check("entities of many kinds", len(kinds) >= 10, kinds)
    check("bookmarks answer", client.incidents.list_bookmarks(RG, WS, rich.name).value is not None)

    listed = list(client.incident_relations.list(RG, WS, rich.name))
    check("relations answer", isinstance(listed, list))
    other = min(native, key=lambda i: props(i).additional_data.alerts_count or 0)
    alert = alerts[0]
    name = str(uuid.uuid4())
    made = client.incident_relations.create_or_update(RG, WS, other.name, name, relation(alert.id))
    check("related", props(made).related_resource_id.lower() == alert.id.lower(), made)
    check("relation read back", client.incident_relations.get(RG, WS, other.name, name).name == name)
    after = client.incidents.get(RG, WS, other.name)
    check("the alert counts there", props(after).additional_data.alerts_count
          == (props(other).additional_data.alerts_count or 0) + 1)
    client.incident_relations.delete(RG, WS, other.name, name)


def tasks():
    target = next(iter(client.incidents.list(RG, WS, top=1)))
    name = str(uuid.uuid4())
    body = models.IncidentTask(properties=models.IncidentTaskProperties(title="Call", status="New"))
    made = client.incident_tasks.create_or_update(RG, WS, target.name, name, body)
    check("task", made.name == name and made.properties.title == "Call")
    body = models.IncidentTask(
        etag=made.etag, properties=models.IncidentTaskProperties(title="Call", status="Completed"))
    done = client.incident_tasks.create_or_update(RG, WS, target.name, name, body)
    check("task completed", done.properties.status == "Completed")
    check("task listed", any(t.name == name for t in client.incident_tasks.list(RG, WS, target.name)))
    client.incident_tasks.delete(RG, WS, target.name, name)
    raises("task deleted", ResourceNotFoundError, lambda: client.incident_tasks.get(RG, WS, target.name, name))


for work in [tokens, onboarding, listing, filters, life, comments, parts_of_incidents]:
    part(work)
if not FIRST:
    part(tasks)
finish()
