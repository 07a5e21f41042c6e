//! Values for the variables of a template, drawn once per incident so that title, alerts and
//! entities tell the same story.

use serde_json::Value;

/// Every variable that a template may name.
#[cfg(test)]
pub(super) const NAMES: &[&str] = &[
    "user", "name", "upn", "vip", "host", "server", "dc", "ip", "ip2", "ext_ip", "ext_ip2", "domain", "url",
    "file", "sha256", "md5", "guid", "guid2", "n", "big", "port", "country", "city", "sub", "app", "mailid",
];

const USERS: &[(&str, &str)] = &[
    ("jvermeer", "Johanna Vermeer"),
    ("osei.kwame", "Kwame Osei"),
    ("m.oconnor", "Máire O'Connor"),
    ("lchen", "Chen Li"),
    ("dkowalska", "Dorota Kowalska"),
    ("rsilva", "Rui da Silva"),
    ("ayse.demir", "Ayşe Demir"),
    ("bjensen", "Bjørn Jensen"),
    ("pnovak", "Petra Nováková"),
    ("svc-backup", "Backup service"),
    ("hmori", "森 春香"),
    ("jdoe2", "Jane Doe"),
];
const PLACES: &[(&str, &str)] = &[
    ("Romania", "Iași"),
    ("Vietnam", "Đà Nẵng"),
    ("Brazil", "São Paulo"),
    ("Nigeria", "Lagos"),
    ("United States", "Ashburn"),
    ("Moldova", "Chișinău"),
    ("Seychelles", "Victoria"),
];
const DOMAINS: &[&str] = &[
    "cdn-telemetry-sync.example",
    "c0ntoso-login.example",
    "xn--contso-jua.example",
    "update-check.invalid",
    "paste.drop-zone.example",
    "api.free-convert.example",
];
const FILES: &[&str] = &[
    "svch0st.exe",
    "Rechnung 2026-11.pdf.exe",
    "update.dll",
    "pdfviewer.scr",
    "q.ps1",
    "報告書.docm",
    "a b (1).js",
];
const APPS: &[&str] = &["payroll-sync", "PDF Merge Pro", "fleet-portal", "Ordering", "inventory"];

/// One drawn set of values.
pub(super) struct Fill(Vec<(&'static str, String)>);

impl Fill {
    pub fn draw(rng: &mut fastrand::Rng) -> Self {
        let (user, name) = USERS[rng.usize(..USERS.len())];
        let (country, city) = PLACES[rng.usize(..PLACES.len())];
        let domain = DOMAINS[rng.usize(..DOMAINS.len())];
        let app = APPS[rng.usize(..APPS.len())];
        let n = rng.u32(10..99);
        let mut hex = |digits: usize| -> String {
            (0..digits).map(|_| char::from_digit(rng.u32(0..16), 16).unwrap_or('0')).collect()
        };
        let guid =
            |h: String| format!("{}-{}-4{}-a{}-{}", &h[..8], &h[8..12], &h[12..15], &h[15..18], &h[18..30]);
        let (sha256, md5) = (hex(64), hex(32));
        let (first, second, sub, mailid) = (guid(hex(30)), guid(hex(30)), guid(hex(30)), hex(12));
        let mut octet = || rng.u32(1..254);
        let inner = |a: u32, b: u32| format!("10.{}.{a}.{b}", 20 + n % 8);
        let (ip, ip2) = (inner(octet(), octet()), inner(octet(), octet()));
        let (ext, ext2) = (format!("203.0.113.{}", octet()), format!("198.51.100.{}", octet()));
        let upn = format!("{user}@contoso.example");
        let pick = |of: &[&str], i: u32| of[i as usize % of.len()].to_owned();
        let file = pick(FILES, octet());
        let vip = pick(&["cfo@contoso.example", "ceo@contoso.example", "treasury@contoso.example"], octet());
        let port = (1024 + octet() * 200 + octet()).to_string();
        let big = (1000 + octet() * 37).to_string();
        Self(vec![
            ("user", user.to_owned()),
            ("name", name.to_owned()),
            ("upn", upn),
            ("vip", vip),
            ("host", format!("WS-{:04}", 1000 + octet() * 31 % 9000)),
            ("server", pick(&["SRV-FILE02", "SRV-WEB01", "SRV-SQL07", "SRV-APP11"], octet())),
            ("dc", pick(&["DC01", "DC02", "DC-EMEA-03"], octet())),
            ("ip", ip),
            ("ip2", ip2),
            ("ext_ip", ext),
            ("ext_ip2", ext2),
            ("domain", domain.to_owned()),
            ("url", format!("https://{domain}/r/{}?u={user}", &md5[..8])),
            ("file", file),
            ("sha256", sha256),
            ("md5", md5),
            ("guid", first),
            ("guid2", second),
            ("n", n.to_string()),
            ("big", big),
            ("port", port),
            ("country", country.to_owned()),
            ("city", city.to_owned()),
            ("sub", sub),
            ("app", app.to_owned()),
            ("mailid", mailid),
        ])
    }

    /// The text with every known variable filled in; other braces stay.
    pub fn text(&self, template: &str) -> String {
        let mut out = String::with_capacity(template.len() + 32);
        let mut rest = template;
        while let Some(open) = rest.find('{') {
            out.push_str(&rest[..open]);
            let tail = &rest[open..];
            let known = tail.find('}').and_then(|close| {
                let value = self.0.iter().find(|(name, _)| *name == &tail[1..close])?;
                Some((close, &value.1))
            });
            match known {
                Some((close, value)) => {
                    out.push_str(value);
                    rest = &tail[close + 1..];
                }
                None => {
                    out.push('{');
                    rest = &tail[1..];
                }
            }
        }
        out.push_str(rest);
        out
    }

    /// Fills every string inside a JSON value.
    pub fn value(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|v| self.value(v)),
            Value::Object(members) => members.values_mut().for_each(|v| self.value(v)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_are_filled_and_other_braces_stay() {
        let fill = Fill::draw(&mut fastrand::Rng::with_seed(1));
        assert_eq!(fill.0.iter().map(|(n, _)| *n).collect::<Vec<_>>(), NAMES);
        let text = fill.text("a {user} b {nobody} {\"json\":1} {");
        assert!(!text.contains("{user}"));
        assert!(text.ends_with("b {nobody} {\"json\":1} {"), "{text}");
    }
}
