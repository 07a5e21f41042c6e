//! Client assertions: the claims of a certificate's or an external provider's JWT
//! (sentinel-api 1.1).
//!
//! No key is registered here, so signatures are not checked; by default every assertion is
//! refused as unregistered, and a switch accepts those whose claims are right. MSAL for Python
//! sends no `nbf` and fractional times, which count as well.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::aadsts::Fault;
use super::draft::SentinelOptions;
use super::switches::{Leniency, Switches};
use crate::sandbox::wire::Request;
use crate::text::Stamp;

/// Audience of an external provider's token.
const EXCHANGE: &str = "api://AzureADTokenExchange";

/// Checks an assertion at the endpoint of `request`.
pub(super) fn check(
    jwt: &str,
    request: &Request,
    options: &SentinelOptions,
    switches: &Switches,
    now: Stamp,
) -> Result<(), Fault> {
    let claims = claims(jwt).ok_or_else(|| Fault::new(700_027))?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let seconds = now.0 as f64 / 1e6;
    let time = |name: &str| claims.get(name).and_then(Value::as_f64);
    let begun = time("nbf").is_none_or(|t| t <= seconds + 300.0);
    if !begun || time("exp").is_none_or(|t| t < seconds) {
        return Err(Fault::new(700_024));
    }
    if text("aud") == EXCHANGE {
        let registered = switches.assertions == Leniency::Accept;
        return if registered { Ok(()) } else { Err(Fault::new(700_211)) };
    }
    let ours = |name: &str| text(name).eq_ignore_ascii_case(&options.client_id);
    if !ours("iss") || !ours("sub") {
        return Err(Fault::new(700_021));
    }
    if !text("aud").eq_ignore_ascii_case(&format!("{}{}", request.origin, request.path)) {
        return Err(Fault::new(700_023));
    }
    if switches.assertions == Leniency::Accept { Ok(()) } else { Err(Fault::new(700_027)) }
}

fn claims(jwt: &str) -> Option<Value> {
    let mut parts = jwt.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?).ok()
}
