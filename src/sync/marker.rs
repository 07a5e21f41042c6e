//! Markers: how a note that we wrote is known again.
//!
//! A journal entry has no key that the writer can choose, so each note ends with
//! `[ref:DX-…]`, an HMAC over the link and the origin of the text. Only a note by our own user
//! whose marker is one that we made for this very link is ours (sync-engine B.6, D9).

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::model::IncidentId;

/// Characters of base32 (RFC 4648), without those that read alike being a concern: it is
/// compared, never typed.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const OPEN: &str = "[ref:DX-";
const CLOSE: char = ']';
/// Base32 characters in a marker: 80 bits.
const LENGTH: usize = 16;

/// The keys that markers are made and verified with, the first one makes.
#[derive(Clone)]
pub struct MarkerKeys {
    keys: Vec<Vec<u8>>,
}

impl std::fmt::Debug for MarkerKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MarkerKeys({})", self.keys.len())
    }
}

impl MarkerKeys {
    /// Takes the key texts, newest first; at least one.
    pub fn new(keys: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self { keys: keys.into_iter().collect() }
    }

    /// The marker of an entry, made with the newest key.
    pub fn make(&self, incident: &IncidentId, origin: &str, origin_id: &str) -> String {
        self.keys.first().map(|k| sign(k, incident, origin, origin_id)).unwrap_or_default()
    }

    /// True when any of the keys made this marker for that entry.
    pub fn verifies(&self, marker: &str, incident: &IncidentId, origin: &str, origin_id: &str) -> bool {
        use subtle::ConstantTimeEq;
        self.keys
            .iter()
            .any(|k| bool::from(sign(k, incident, origin, origin_id).as_bytes().ct_eq(marker.as_bytes())))
    }
}

fn sign(key: &[u8], incident: &IncidentId, origin: &str, origin_id: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    for part in [incident.as_str(), origin, origin_id] {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    let tag = mac.finalize().into_bytes();
    let mut out = String::with_capacity(LENGTH);
    let mut bits = 0u32;
    let mut held = 0u32;
    for byte in tag.iter() {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 && out.len() < LENGTH {
            bits -= 5;
            out.push(BASE32[((held >> bits) & 31) as usize] as char);
        }
    }
    out
}

/// The tail that a note ends with.
pub fn tail(marker: &str) -> String {
    format!("{OPEN}{marker}{CLOSE}")
}

/// The marker at the very end of a note, if there is one.
pub fn find(text: &str) -> Option<&str> {
    let text = text.trim_end();
    let rest = text.strip_suffix(CLOSE)?;
    let at = rest.rfind(OPEN)?;
    let marker = &rest[at + OPEN.len()..];
    (marker.len() == LENGTH && marker.bytes().all(|b| BASE32.contains(&b))).then_some(marker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_link_and_key_verify() {
        let keys = MarkerKeys::new([b"new".to_vec(), b"old".to_vec()]);
        let old = MarkerKeys::new([b"old".to_vec()]);
        let id = IncidentId::new("g1");
        let m = old.make(&id, "sentinel", "c1");
        assert_eq!(m.len(), LENGTH);
        assert!(keys.verifies(&m, &id, "sentinel", "c1"));
        assert!(!keys.verifies(&m, &IncidentId::new("g2"), "sentinel", "c1"));
        assert!(!keys.verifies(&m, &id, "sentinel", "c2"));
        assert!(!MarkerKeys::new([b"new".to_vec()]).verifies(&m, &id, "sentinel", "c1"));
    }

    #[test]
    fn a_marker_counts_only_at_the_end() {
        let m = MarkerKeys::new([b"k".to_vec()]).make(&IncidentId::new("g"), "sentinel", "c");
        assert_eq!(find(&format!("text\n{}\n", tail(&m))), Some(m.as_str()));
        assert_eq!(find(&format!("{} text", tail(&m))), None);
        assert_eq!(find("[ref:DX-short]"), None);
    }
}
