//! The table of addresses that try to carry a credential away.

use super::scripted::{Script, answer, token};
use super::{Ask, Base, HttpError, Method};

const ARM: &str = "https://management.azure.com/";

/// Links that a server may give for [`ARM`] and that are followed.
const OWN: [&str; 9] = [
    "https://management.azure.com/subscriptions/1?api-version=2025-09-01",
    "https://management.azure.com:443/subscriptions/1?$skipToken=[{\\compositeToken",
    "HTTPS://Management.Azure.COM/x",
    "https://management.azure.com",
    "https://management.azure.com/a/../b",
    "https://management.azure.com?x=https://evil.example/",
    "https://management.azure.com/x?next=//evil.example/@y",
    "https://management.azure.com:0443/x",
    "https://management.azure.com/x?a=b c",
];

/// Links that must never see the token.
const FOREIGN: [&str; 62] = [
    "https://evil.example/",
    "https://evil.example/subscriptions/1?api-version=2025-09-01",
    "http://management.azure.com/",
    "http://management.azure.com:443/",
    "https://management.azure.com:444/",
    "https://management.azure.com:80/",
    "https://management.azure.com:8443/x",
    "https://management.azure.com:4430/x",
    "https://management.azure.com:99999/",
    "https://management.azure.com./x",
    "https://management.azure.com.evil.example/",
    "https://evil-management.azure.com/",
    "https://evil.management.azure.com/",
    "https://azure.com/",
    "https://management.azure.co/",
    "https://management.azure.comm/",
    "https://management-azure.com/",
    "https://xn--management-azure-com.example/",
    "https://management.azure.com@evil.example/",
    "https://management.azure.com:443@evil.example/",
    "https://user@management.azure.com/",
    "https://user:pass@management.azure.com/",
    "https://@management.azure.com/",
    "https://evil.example\\@management.azure.com/",
    "https://management.azure.com\\.evil.example/",
    "https://management.azure.com\\@evil.example/",
    "https:\\\\management.azure.com/",
    "https:/\\evil.example/",
    "https:/management.azure.com/",
    "https:management.azure.com/",
    "https:///management.azure.com/",
    "https:////evil.example/",
    "//evil.example/x",
    "//management.azure.com/x",
    "/subscriptions/1",
    "subscriptions/1",
    "?$skipToken=1",
    "",
    " https://management.azure.com/",
    "https://management.azure.com/ ",
    "https://management.azure.com/\n",
    "https://mana\tgement.azure.com/",
    "ht\ntps://management.azure.com/",
    "https://management.azure.com/x\r\nauthorization: y",
    "https://management.azure.com/#@evil.example/",
    "https://evil.example#management.azure.com/",
    "https://evil.example?management.azure.com/",
    "https://management%2eazure%2ecom/",
    "https://management.azure.com%2eevil.example/",
    "https://management.azure.com%00.evil.example/",
    "https://mänagement.azure.com/",
    "https://xn--mnagement-z2a.azure.com/",
    "https://management。azure.com/",
    "https://ｍanagement.azure.com/",
    "https://management.аzure.com/",
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://169.254.169.254/metadata/identity/oauth2/token",
    "ftp://management.azure.com/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "wss://management.azure.com/",
];

#[tokio::test]
async fn no_foreign_address_gets_the_token() {
    let script = Script::new();
    let sender = script.sender(ARM);
    let token = token(ARM);
    for text in FOREIGN {
        // The link as a client follows it, and the address past a caller that forgot to check.
        assert!(matches!(sender.base().link(text), Err(HttpError::Guard(_))), "{text:?}");
        let Ok(url) = url::Url::parse(text.trim()) else { continue };
        if sender.base().covers(&url).is_ok() {
            continue; // what `link` refuses for its spelling may still be our own host
        }
        let sent = sender.send(Ask::new(Method::Get, url), Some(&token)).await;
        assert!(matches!(sent, Err(HttpError::Guard(_))), "{text:?}");
    }
    assert!(script.seen().is_empty(), "a request left for a foreign address");
}

#[tokio::test]
async fn own_addresses_do() {
    let script = Script::new();
    let sender = script.sender(ARM);
    let token = token(ARM);
    for text in OWN {
        script.push(answer(200, "{}"));
        let url = sender.base().link(text).unwrap_or_else(|e| panic!("{text:?}: {e}"));
        sender.send(Ask::new(Method::Get, url), Some(&token)).await.unwrap();
    }
    for request in script.seen() {
        assert_eq!(request.url.host_str(), Some("management.azure.com"));
        assert_eq!(request.url.port_or_known_default(), Some(443));
        assert_eq!(request.header("authorization"), Some("Bearer canary-token"));
        assert!(!format!("{request:?}").contains("canary"), "Debug never shows it");
    }
}

#[test]
fn a_base_with_a_path_or_an_odd_port_holds_its_own() {
    let base = Base::parse("https://localhost:8443/arm", false).unwrap();
    for own in ["https://localhost:8443/arm/x", "https://LOCALHOST:8443/arm/a/../b"] {
        assert!(base.link(own).is_ok(), "{own}");
    }
    for foreign in [
        "https://localhost:8443/",
        "https://localhost:8443/armed/x",
        "https://localhost:8443/arm",
        "https://localhost:8443/ARM/x",
        "https://localhost:8443/arm/../token",
        "https://localhost:8443/arm/%2e%2e/token",
        "https://localhost:8443/arm/..%2ftoken",
        "https://localhost:8443/arm/%5c..%5ctoken",
        "https://localhost:8443/arm//token",
        "https://localhost/arm/x",
        "https://127.0.0.1:8443/arm/x",
        "https://[::1]:8443/arm/x",
        "https://localhost.:8443/arm/x",
    ] {
        assert!(base.link(foreign).is_err(), "{foreign}");
    }
    let six = Base::parse("https://[2001:db8::1]/", false).unwrap();
    assert!(six.link("https://[2001:DB8:0:0::1]:443/x").is_ok());
    assert!(six.link("https://[2001:db8::2]/x").is_err());
}

#[test]
fn plain_http_is_for_this_machine_in_development_only() {
    for text in ["http://127.0.0.1:8080", "http://[::1]:8080/x", "http://localhost"] {
        assert!(Base::parse(text, true).is_ok(), "{text}");
        assert!(Base::parse(text, false).is_err(), "{text}");
    }
    for text in ["http://management.azure.com", "http://10.0.0.1", "http://localhost.evil.example"] {
        assert!(Base::parse(text, true).is_err(), "{text}");
    }
    assert!(Base::parse("https://x.example/?a=b", false).is_err());
}

#[tokio::test]
async fn redirects_come_back_as_they_are() {
    let script = Script::new();
    let sender = script.sender(ARM);
    for status in [301, 302, 303, 307, 308] {
        script.push(answer(status, "").with("location", "https://evil.example/"));
        let url = sender.base().at(&["x"], "").unwrap();
        let got = sender.send(Ask::new(Method::Get, url), Some(&token(ARM))).await.unwrap();
        assert_eq!(got.status, status);
    }
    assert!(script.seen().iter().all(|r| r.url.host_str() == Some("management.azure.com")));
    assert_eq!(script.seen().len(), 5);
}

#[tokio::test]
async fn a_token_goes_to_its_own_base_even_from_another_sender() {
    let script = Script::new();
    let sender = script.sender("https://login.example");
    let url = sender.base().at(&["x"], "").unwrap();
    let sent = sender.send(Ask::new(Method::Get, url), Some(&token(ARM))).await;
    assert!(matches!(sent, Err(HttpError::Guard(_))));
    assert!(script.seen().is_empty());
}

#[test]
fn segments_cannot_change_the_path() {
    let base = Base::parse(ARM, false).unwrap();
    for bad in ["", ".", "..", "a/b", "a\\b", "%2e%2e"] {
        assert!(base.at(&["x", bad], "").is_err(), "{bad:?}");
    }
    assert_eq!(
        base.at(&["a b?c#d"], "q=1").unwrap().as_str(),
        "https://management.azure.com/a%20b%3Fc%23d?q=1"
    );
}
