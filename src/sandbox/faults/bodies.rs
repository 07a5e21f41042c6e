//! What a faulty server answers, in each service's own words.

use std::time::Duration;

use serde_json::json;

use super::FaultKind;
use crate::sandbox::side::Side;
use crate::sandbox::wire::{Request, Response};
use crate::text::Stamp;

const ARM_JSON: &str = "application/json; charset=utf-8";
const DESK_JSON: &str = "application/json;charset=UTF-8";
const HTML: &str = "text/html;charset=UTF-8";

/// The whole answer of a kind that needs none of the world's. `None` for kinds that shape or
/// drop the world's own answer.
pub(crate) fn fault_response(kind: FaultKind, side: Side, request: &Request, now: Stamp) -> Option<Response> {
    let response = match kind {
        FaultKind::MaintenanceHtml => html(200, "Scheduled maintenance", "We will be back shortly."),
        FaultKind::Hibernating => {
            html(200, "Instance Hibernating page", "Your instance is hibernating. Sign in to wake it up.")
        }
        FaultKind::LoginHtml => {
            html(200, "ServiceNow", "<form action=\"login.do\">User name, Password</form>")
        }
        FaultKind::ThrottledBare => throttled(side),
        FaultKind::Throttled => by_rule(side, now, 1).with("retry-after", "1"),
        FaultKind::ThrottledPast => {
            by_rule(side, now, 1).with("retry-after", now.minus(Duration::from_secs(3600)).http_date())
        }
        FaultKind::ThrottledDate => {
            by_rule(side, now, 2).with("retry-after", now.plus(Duration::from_secs(2)).http_date())
        }
        FaultKind::Unavailable => unavailable(side),
        FaultKind::ErrorAfter => internal(side),
        FaultKind::GatewayTimeout => html(504, "504 Gateway Time-out", "The server didn't respond in time."),
        FaultKind::Unauthorized => unauthorized(side, now),
        FaultKind::Forbidden => forbidden(side, request),
        FaultKind::Conflict => conflict(request),
        FaultKind::AcceptedNothing => Response::new(202),
        FaultKind::CancelledBefore | FaultKind::CancelledAfter => cancelled(),
        FaultKind::HiddenRecord => {
            desk(404, "No Record found", "Record doesn't exist or ACL restricts the record retrieval")
        }
        _ => return None,
    };
    Some(response)
}

fn arm(status: u16, code: &str, message: &str) -> Response {
    Response::json(status, ARM_JSON, &json!({"error": {"code": code, "message": message}}))
}

fn desk(status: u16, message: &str, detail: &str) -> Response {
    let body = json!({"error": {"message": message, "detail": detail}, "status": "failure"});
    Response::json(status, DESK_JSON, &body)
}

fn html(status: u16, title: &str, text: &str) -> Response {
    let page = format!("<!DOCTYPE html><html><head><title>{title}</title></head><body>{text}</body></html>");
    Response { status, headers: vec![("content-type".into(), HTML.into())], body: page.into_bytes() }
}

fn throttled(side: Side) -> Response {
    match side {
        Side::Sentinel => arm(429, "TooManyRequests", "The request is being throttled."),
        Side::ServiceNow => {
            desk(429, "Rate limit exceeded", "Rate limit of 100 requests per hour for Table API exceeded")
        }
    }
}

/// ServiceNow names the rule that was hit; without those headers it is the thread queue that is
/// full (servicenow-api, 7).
fn by_rule(side: Side, now: Stamp, seconds: i64) -> Response {
    let response = throttled(side);
    match side {
        Side::Sentinel => response,
        Side::ServiceNow => response
            .with("x-ratelimit-limit", "100")
            .with("x-ratelimit-reset", (now.0.div_euclid(1_000_000) + seconds).to_string())
            .with("x-ratelimit-rule", "5d1e0a4297bb4110d21cfa7b31e7aa01"),
    }
}

fn unavailable(side: Side) -> Response {
    match side {
        Side::Sentinel => arm(503, "ServiceUnavailable", "The service is temporarily unavailable."),
        Side::ServiceNow => {
            html(503, "503 Service Unavailable", "No server is available to handle this request.")
        }
    }
}

fn internal(side: Side) -> Response {
    match side {
        Side::Sentinel => arm(500, "InternalServerError", "An unexpected error occurred."),
        Side::ServiceNow => desk(500, "Internal server error", "An unexpected error occurred"),
    }
}

fn unauthorized(side: Side, now: Stamp) -> Response {
    match side {
        Side::Sentinel => arm(
            401,
            "ExpiredAuthenticationToken",
            &format!("The access token expiry UTC time '{now}' is earlier than current UTC time '{now}'."),
        )
        .with("www-authenticate", "Bearer error=\"invalid_token\""),
        Side::ServiceNow => desk(401, "User Not Authenticated", "Required to provide Auth information")
            .with("www-authenticate", "BASIC realm=\"Service-now\""),
    }
}

fn forbidden(side: Side, request: &Request) -> Response {
    match side {
        Side::Sentinel => arm(
            403,
            "AuthorizationFailed",
            &format!(
                "The client 'sandbox' with object id 'sandbox' does not have authorization to perform action \
                 'Microsoft.SecurityInsights/incidents/read' over scope '{}' or the scope is invalid. If access \
                 was recently granted, please refresh your credentials.",
                request.path
            ),
        ),
        Side::ServiceNow => desk(403, "User Not Authorized", "Failed API level ACL Validation"),
    }
}

fn conflict(request: &Request) -> Response {
    let message = format!("Newer version of resource '{}' exists. Data was not saved", request.path);
    arm(409, "Conflict", &message)
}

/// A cancelled transaction answers 200 with a result that breaks off into an error (documented).
fn cancelled() -> Response {
    let text = "Transaction cancelled: maximum execution time exceeded";
    let body = format!(
        "{{\"result\":[{{\"sys_id\":\"\"\n,\"error\":{{\"message\":\"{text}\",\"detail\":\"{text} Check logs for \
         error trace or enable glide.rest.debug property to verify REST request processing\"}},\
         \"status\":\"failure\"}}"
    );
    Response {
        status: 200,
        headers: vec![("content-type".into(), DESK_JSON.into())],
        body: body.into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_transaction_is_no_json_although_it_says_so() {
        let response =
            fault_response(FaultKind::CancelledAfter, Side::ServiceNow, &Request::default(), Stamp(0))
                .unwrap();
        assert_eq!(response.status, 200);
        assert!(serde_json::from_slice::<serde_json::Value>(&response.body).is_err());
    }

    #[test]
    fn each_side_is_throttled_in_its_own_words() {
        let body = |side| {
            let r = fault_response(FaultKind::ThrottledDate, side, &Request::default(), Stamp(0)).unwrap();
            assert_eq!(r.status, 429);
            assert!(r.headers.iter().any(|(n, v)| n == "retry-after" && v.ends_with("1970 00:00:02 GMT")));
            serde_json::from_slice::<serde_json::Value>(&r.body).unwrap()
        };
        assert_eq!(body(Side::Sentinel)["error"]["code"], "TooManyRequests");
        assert_eq!(body(Side::ServiceNow)["status"], "failure");
    }
}
