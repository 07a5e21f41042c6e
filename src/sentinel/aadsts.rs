//! What the sign-in service's codes mean for whoever runs this program.

use crate::model::FaultKind;

const CHECK_APP: &str = "check tenant, client id and cloud in the config";

/// Kind and advice for an `AADSTS` number and the `error` word beside it. The words are
/// documented as stable, the numbers are not; an unknown number falls back to its word.
pub(super) fn advice(code: &str, word: &str) -> (FaultKind, &'static str) {
    match code {
        "7000215" => (
            FaultKind::SignIn,
            "the secret's id was pasted instead of its value, or the value is wrong or of another app",
        ),
        "7000222" => (
            FaultKind::SignIn,
            "the client secret has expired: make a new one in the app registration and put it into the config",
        ),
        "7000112" => (FaultKind::SignIn, "the application is disabled: enable it in the tenant"),
        "53003" => {
            (FaultKind::SignIn, "a conditional access policy blocks this sign-in: ask the tenant's admin")
        }
        "7000218" => {
            (FaultKind::Config, "no client secret reached the sign-in service: check the credential")
        }
        "700016" => (
            FaultKind::Config,
            "no app with this client id in this tenant: check tenant, client id and cloud in the config",
        ),
        "90002" | "900023" => {
            (FaultKind::Config, "there is no such tenant: check tenant and cloud in the config")
        }
        "700027" | "700021" | "700023" => {
            (FaultKind::Config, "the certificate or assertion does not belong to this app")
        }
        "700024" => {
            (FaultKind::Config, "the assertion is outside its time window: check this machine's clock")
        }
        "70021" | "700211" | "700213" => (
            FaultKind::SignIn,
            "no matching federated credential: check issuer and subject; a new one takes minutes",
        ),
        "70011" => (FaultKind::Config, "the scope is not valid: it ends with /.default and fits the cloud"),
        "500011" | "50001" => {
            (FaultKind::Config, "the tenant does not know this API: check scope and cloud in the config")
        }
        _ => match word {
            "invalid_client" => (FaultKind::SignIn, "check the client secret"),
            "unauthorized_client" | "invalid_request" | "invalid_scope" | "invalid_resource" => {
                (FaultKind::Config, CHECK_APP)
            }
            "temporarily_unavailable" => (FaultKind::Unavailable, ""),
            _ => (FaultKind::SignIn, CHECK_APP),
        },
    }
}

/// True for a secret that is wrong or expired, where the second of two secrets may be right.
pub(super) fn another_secret_may_help(code: &str) -> bool {
    matches!(code, "AADSTS7000215" | "AADSTS7000222")
}
