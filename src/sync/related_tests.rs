use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn entity(kind: &str, properties: Value) -> Entity {
    let Value::Object(properties) = properties else { panic!("an object") };
    Entity { kind: kind.into(), properties, ..Entity::default() }
}

fn seen(kind: ObservableKind, value: &str) -> Option<WantedRow> {
    Some(WantedRow::Observable { kind, value: value.into() })
}

fn item(name: &str, fqdn: &str) -> Option<WantedRow> {
    Some(WantedRow::Item { name: name.into(), fqdn: fqdn.into() })
}

fn user(upn: &str) -> Option<WantedRow> {
    Some(WantedRow::User { upn: upn.into() })
}

#[test]
fn every_kind_gives_the_rows_that_it_can() {
    use ObservableKind::*;
    let sha256 = "AB".repeat(32);
    let vm = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/SRV-WEB01";
    for (kind, properties, rows) in [
        ("Ip", json!({"address": "203.0.113.7"}), vec![seen(Ipv4, "203.0.113.7")]),
        ("ip", json!({"address": " 2001:DB8:0:0:0:0:0:1 "}), vec![seen(Ipv6, "2001:db8::1")]),
        ("Ip", json!({"address": "fe80::1%eth0"}), vec![seen(Ipv6, "fe80::1")]),
        ("Ip", json!({"address": "::ffff:192.0.2.1"}), vec![seen(Ipv4, "192.0.2.1")]),
        ("Url", json!({"url": "HTTPS://Evil.example/A?b=C"}), vec![seen(Url, "https://evil.example/A?b=C")]),
        ("DnsResolution", json!({"domainName": "Evil.example."}), vec![seen(Domain, "evil.example")]),
        (
            "FileHash",
            json!({"algorithm": "SHA256", "hashValue": sha256}),
            vec![seen(Sha256, &sha256.to_lowercase())],
        ),
        (
            "FileHash",
            json!({"algorithm": "SHA256AC", "hashValue": sha256}),
            vec![seen(Unknown, &sha256.to_lowercase())],
        ),
        ("FileHash", json!({"hashValue": "00".repeat(16)}), vec![seen(Md5, &"00".repeat(16))]),
        ("Mailbox", json!({"mailboxPrimaryAddress": "Ada@C.example"}), vec![seen(Email, "ada@c.example")]),
        (
            "MailMessage",
            json!({"p1Sender": "a@b.example", "senderIP": "192.0.2.9", "recipient": "us@c.example"}),
            vec![seen(Email, "a@b.example"), seen(Ipv4, "192.0.2.9")],
        ),
        (
            "Host",
            json!({"hostName": "DC01", "dnsDomain": "contoso.example"}),
            vec![seen(Hostname, "dc01.contoso.example"), item("dc01", "dc01.contoso.example")],
        ),
        ("Host", json!({"netBiosName": "WS-1"}), vec![seen(Hostname, "ws-1"), item("ws-1", "")]),
        ("AzureResource", json!({"resourceId": vm}), vec![item("srv-web01", "")]),
        ("AzureResource", json!({"resourceId": "/subscriptions/s/resourceGroups/g"}), vec![]),
        ("Account", json!({"accountName": "Ada", "upnSuffix": "C.example"}), vec![user("ada@c.example")]),
        (
            "Account",
            json!({"accountName": "x_p.example#EXT#", "upnSuffix": "c.example"}),
            vec![user("x_p.example#ext#@c.example")],
        ),
        ("Account", json!({"accountName": "www-data"}), vec![]),
        ("Process", json!({"commandLine": "cmd /c whoami"}), vec![]),
        ("SomethingNew", json!({"address": "203.0.113.7"}), vec![]),
        ("Ip", json!({}), vec![]),
    ] {
        assert_eq!(wanted(&entity(kind, properties.clone())), rows, "{kind} {properties}");
    }
}

#[test]
fn what_cannot_be_asked_for_safely_is_counted_and_left_out() {
    for (kind, properties) in [
        ("Ip", json!({"address": "999.1.1.1^NQactive=true"})),
        ("Url", json!({"url": "https://evil.example/a^b"})),
        ("Url", json!({"url": "javascript:gs.getUserID()"})),
        ("Url", json!({"url": "https://evil.example/?q=javascript:x"})),
        ("Url", json!({"url": format!("https://evil.example/{}", "a".repeat(1000))})),
        ("DnsResolution", json!({"domainName": "bücher.example"})),
        ("DnsResolution", json!({"domainName": "a,b.example"})),
        ("FileHash", json!({"algorithm": "MD5", "hashValue": "not hex"})),
        ("Mailbox", json!({"mailboxPrimaryAddress": "a b@c.example"})),
        ("Account", json!({"accountName": "NULL^", "upnSuffix": "c.example"})),
        ("Host", json!({"hostName": "null"})),
    ] {
        let rows = wanted(&entity(kind, properties.clone()));
        assert!(!rows.is_empty() && rows.iter().all(Option::is_none), "{kind} {properties}: {rows:?}");
    }
}

#[test]
fn each_row_is_gathered_once_up_to_the_bound_and_the_rest_is_said() {
    let address = |n: usize| entity("Ip", json!({"address": format!("10.0.{}.{}", n / 250, n % 250)}));
    let mut entities: Vec<Entity> = (0..120).map(address).collect();
    entities.push(address(3));
    entities.push(entity("Url", json!({"url": "no address"})));
    let found = Entities { total: entities.len() as u32 + 5, entities };
    let first = gather(&Related::default(), &found);
    assert_eq!((first.new, first.odd, first.beyond, first.unlisted), (100, 1, 20, 5));
    let said = first.said().unwrap();
    assert!(
        said.contains("100 wanted") && said.contains("20 left out") && said.contains("5 counted"),
        "{said}"
    );

    let mut known = first.related.clone();
    for row in &first.related.waiting[..40] {
        known = known.with(row);
    }
    let again = gather(&known, &found);
    assert_eq!((again.new, again.related.waiting.len(), again.beyond), (0, 60, 20));
    // An item that nobody knew may be known by the next reading.
    let given_up = known.without(&known.waiting[0].clone());
    assert_eq!(gather(&given_up, &found).new, 1);
}

proptest! {
    #[test]
    fn whatever_comes_a_row_holds_no_mark_of_a_query(
        kind in prop_oneof![Just("Ip"), Just("Url"), Just("Host"), Just("Account"), Just("Mailbox"), Just("FileHash")],
        text in ".{0,40}",
        more in "[a-zA-Z0-9.@:/^,=<>()' -]{0,30}",
    ) {
        for value in [&text, &more, &format!("https://{more}"), &format!("{more}@c.example")] {
            let names = ["address", "url", "hostName", "dnsDomain", "accountName", "upnSuffix",
                "mailboxPrimaryAddress", "hashValue"];
            let properties = names.iter().map(|n| ((*n).to_owned(), json!(value))).collect();
            for row in wanted(&entity(kind, Value::Object(properties))).into_iter().flatten() {
                let shown = row.shown();
                prop_assert!(!shown.is_empty() && shown.is_ascii());
                prop_assert!(!shown.contains(['^', ',', '<', '>', ' ', '(', '"', '\\']), "{}", shown);
            }
        }
    }
}
