//! The client of an instance for one of its users, built with the secrets of the moment; of two, in the time of a rotation, the one
//! that is not refused.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::clients::fetch;
use crate::config::{self, SignIn};
use crate::http::{Base, Clock, Secret, Transport};
use crate::model::call::{DeskCall, DeskOutcome};
use crate::model::{CallError, DeskKey, FaultKind};
use crate::servicenow::{DeskClient, DeskLogin, DeskSettings, RecordDesk, desk_tokens};

/// Where a desk is, and how to sign in there.
pub(super) struct Signing {
    /// The instance, and the domain whose user signs in.
    pub desk: DeskKey,
    /// With what.
    pub sign_in: SignIn,
    /// Rows per page.
    pub page_size: u32,
}

/// A record desk that signs in when it is first needed, and anew after it was refused.
pub(super) struct LazyDesk {
    base: Base,
    signing: Signing,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
}

/// What is kept from one call to the next.
#[derive(Default)]
struct Kept {
    client: Option<Arc<DeskClient>>,
    /// Which of the configured secrets it signs in with.
    secret: usize,
}

impl LazyDesk {
    /// A desk at that address. Reads no secret and sends nothing yet.
    pub(super) fn new(
        base: Base,
        signing: Signing,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { base, signing, transport, clock, kept: Mutex::default() }
    }

    fn who(&self) -> String {
        self.signing.desk.to_string()
    }

    /// The secrets of which any one may be the right one.
    fn secrets(&self) -> &[config::Secret] {
        match &self.signing.sign_in {
            SignIn::Basic { passwords, .. } => passwords,
            SignIn::OAuthClient { client_secrets, .. } | SignIn::OAuthPassword { client_secrets, .. } => {
                client_secrets
            }
        }
    }

    /// The client in use, or one with the secret whose turn it is; and which secret that is.
    async fn client(&self) -> (usize, Result<Arc<DeskClient>, CallError>) {
        let mut kept = self.kept.lock().await;
        if let Some(client) = kept.client.as_ref() {
            return (kept.secret, Ok(client.clone()));
        }
        let built = self.build(kept.secret).await.map(Arc::new);
        kept.client = built.as_ref().ok().cloned();
        (kept.secret, built)
    }

    async fn build(&self, secret: usize) -> Result<DeskClient, CallError> {
        let who = self.who();
        let wrong = |why: String| CallError::new(FaultKind::Config, format!("{who}: {why}"));
        let login = self.login(secret, &who).await?;
        let mut settings = DeskSettings::new(self.base.clone(), self.signing.desk.instance.clone());
        settings.page_limit = self.signing.page_size;
        settings.basic = login.is_basic();
        let tokens =
            desk_tokens(&self.base, login, self.transport.clone(), self.clock.clone()).map_err(wrong)?;
        DeskClient::new(settings, self.transport.clone(), self.clock.clone(), tokens).map_err(wrong)
    }

    async fn login(&self, secret: usize, who: &str) -> Result<DeskLogin, CallError> {
        let missing = || CallError::new(FaultKind::Config, format!("{who}: no secret is configured"));
        let chosen = self.secrets().get(secret).cloned().ok_or_else(missing)?;
        let one =
            async |secret: config::Secret| fetch(vec![secret], who).await.map(|mut read| read.remove(0));
        let secret: Secret = one(chosen).await?;
        Ok(match &self.signing.sign_in {
            SignIn::Basic { user, .. } => DeskLogin::Basic { user: user.clone(), password: secret },
            SignIn::OAuthClient { client_id, .. } => {
                DeskLogin::ClientCredentials { id: client_id.clone(), secret }
            }
            SignIn::OAuthPassword { client_id, user, password, .. } => DeskLogin::Password {
                id: client_id.clone(),
                secret,
                user: user.clone(),
                password: one(password.clone()).await?,
            },
        })
    }

    /// Signs in anew from now on, with the next secret if there is one: this one was refused.
    async fn turn_from(&self, refused: usize) {
        let mut kept = self.kept.lock().await;
        // Of several calls that were refused at the same time only the first one says so.
        if kept.secret == refused {
            *kept = Kept { client: None, secret: (refused + 1) % self.secrets().len().max(1) };
        }
    }

    /// What to say when every secret was refused, without any of them.
    fn refused(&self, refusals: Vec<(usize, CallError)>) -> CallError {
        let said = |(n, e): &(usize, CallError)| {
            let source = self.secrets().get(*n).map(ToString::to_string).unwrap_or_default();
            format!("with {source}: {}", e.message)
        };
        let all: Vec<String> = refusals.iter().map(said).collect();
        let text = format!("{}: none of its secrets is good; {}", self.who(), all.join("; "));
        match refusals.into_iter().next() {
            Some((_, first)) => CallError { message: text, ..first },
            None => CallError::new(FaultKind::Config, format!("{}: no secret is configured", self.who())),
        }
    }
}

/// True when another secret may help: a refused sign-in, which has done nothing, and not a refused act.
fn is_refused(error: &CallError) -> bool {
    error.kind == FaultKind::SignIn && error.status != Some(403)
}

#[async_trait::async_trait]
impl RecordDesk for LazyDesk {
    async fn call(&self, call: DeskCall) -> DeskOutcome {
        let mut refusals: Vec<(usize, CallError)> = Vec::new();
        for _ in 0..self.secrets().len().max(1) {
            let (secret, client) = self.client().await;
            let outcome = match client {
                Ok(client) => client.call(call.clone()).await,
                Err(error) => Err(error),
            };
            match outcome {
                Err(error) if is_refused(&error) => {
                    self.turn_from(secret).await;
                    refusals.push((secret, error));
                }
                Err(error) if error.kind == FaultKind::SignIn => {
                    // The same secret, read anew before the next call.
                    self.kept.lock().await.client = None;
                    return Err(error);
                }
                outcome => {
                    if let (Ok(_), Some((first, _))) = (&outcome, refusals.first()) {
                        let source = |n: usize| self.secrets().get(n).map(ToString::to_string);
                        let (refused, used) = (source(*first), source(secret));
                        tracing::warn!(desk = %self.signing.desk, refused, used, "a secret was refused; the other one is used from now on");
                    }
                    return outcome;
                }
            }
        }
        if self.secrets().len() < 2
            && let Some((_, only)) = refusals.pop()
        {
            return Err(only);
        }
        Err(self.refused(refusals))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::HttpResponse;
    use crate::http::scripted::{Script, answer};
    use crate::model::InstanceKey;

    const URL: &str = "https://dev1.service-now.com";

    fn desk(script: &Script, sign_in: SignIn) -> LazyDesk {
        let desk = DeskKey { instance: InstanceKey::new("dev").unwrap(), domain: String::new() };
        let signing = Signing { desk, sign_in, page_size: 1000 };
        LazyDesk::new(Base::parse(URL, false).unwrap(), signing, script.transport(), script.clock.clone())
    }

    /// A secret in a file, which has a name of its own to be told by.
    fn file(dir: &tempfile::TempDir, name: &str, text: &str) -> config::Secret {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        config::Secret::file(path)
    }

    fn basic(passwords: Vec<config::Secret>) -> SignIn {
        SignIn::Basic { user: "sync".into(), passwords }
    }

    fn denied() -> HttpResponse {
        answer(401, r#"{"error":{"message":"User Not Authenticated","detail":"x"},"status":"failure"}"#)
    }

    fn users() -> HttpResponse {
        let row = r#"{"sys_id":"0000000000000000000000000000000a","user_name":"sync","active":"true"}"#;
        answer(200, &format!(r#"{{"result":[{row}]}}"#)).with("X-Total-Count", "1")
    }

    /// The passwords that were sent, in order.
    fn sent(script: &Script) -> Vec<String> {
        use base64::Engine;
        let plain = |value: &str| {
            let text = value.trim_start_matches("Basic ");
            let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
            String::from_utf8(bytes).unwrap().trim_start_matches("sync:").to_owned()
        };
        script.seen().iter().map(|r| plain(r.header("authorization").unwrap())).collect()
    }

    #[tokio::test]
    async fn the_second_secret_is_used_when_the_first_is_refused_and_stays_in_use() {
        let (script, dir) = (Script::new(), tempfile::tempdir().unwrap());
        for response in [denied(), users(), users(), denied(), users()] {
            script.push(response);
        }
        let desk = desk(&script, basic(vec![file(&dir, "old", "one"), file(&dir, "next", "two")]));
        for _ in 0..2 {
            desk.call(DeskCall::Me).await.unwrap();
        }
        assert_eq!(sent(&script), ["one", "two", "two"]);
        // Rotated again, by a new first one.
        file(&dir, "old", "three");
        desk.call(DeskCall::Me).await.unwrap();
        assert_eq!(sent(&script)[3..], ["two", "three"]);
    }

    #[tokio::test]
    async fn when_both_are_refused_the_message_names_the_instance_and_both_sources_but_no_secret() {
        let (script, dir) = (Script::new(), tempfile::tempdir().unwrap());
        for response in [denied(), denied(), users()] {
            script.push(response);
        }
        let desk = desk(&script, basic(vec![file(&dir, "old", "hunter2"), file(&dir, "next", "s3same")]));
        let e = desk.call(DeskCall::Me).await.unwrap_err();
        assert_eq!((e.kind, e.status, e.maybe_applied), (FaultKind::SignIn, Some(401), false));
        let shown = format!("{e} {}", e.hint);
        assert!(
            shown.contains("instance dev") && shown.contains("/old") && shown.contains("/next"),
            "{shown}"
        );
        assert!(!shown.contains("hunter2") && !shown.contains("s3same"), "{shown}");
        // The next call begins where this one did.
        desk.call(DeskCall::Me).await.unwrap();
        assert_eq!(sent(&script), ["hunter2", "s3same", "hunter2"]);
    }

    #[tokio::test]
    async fn the_second_secret_is_not_used_for_what_is_no_refused_sign_in() {
        let (script, dir) = (Script::new(), tempfile::tempdir().unwrap());
        let forbidden =
            answer(403, r#"{"error":{"message":"Operation Failed","detail":"ACL"},"status":"failure"}"#);
        for response in [forbidden, answer(500, "{}"), users()] {
            script.push(response);
        }
        let desk = desk(&script, basic(vec![file(&dir, "old", "one"), file(&dir, "next", "two")]));
        assert_eq!(desk.call(DeskCall::Me).await.unwrap_err().kind, FaultKind::Forbidden);
        assert_ne!(desk.call(DeskCall::Me).await.unwrap_err().kind, FaultKind::SignIn);
        desk.call(DeskCall::Me).await.unwrap();
        assert_eq!(sent(&script), ["one", "one", "one"]);
    }

    #[tokio::test]
    async fn a_secret_that_cannot_be_read_leaves_its_place_to_the_other() {
        let (script, dir) = (Script::new(), tempfile::tempdir().unwrap());
        script.push(users());
        let gone = config::Secret::file(dir.path().join("gone"));
        let desk = desk(&script, basic(vec![gone, file(&dir, "next", "two")]));
        desk.call(DeskCall::Me).await.unwrap();
        assert_eq!(sent(&script), ["two"]);
    }

    #[tokio::test]
    async fn a_single_secret_is_read_anew_after_it_was_refused() {
        let (script, dir) = (Script::new(), tempfile::tempdir().unwrap());
        script.push(denied());
        script.push(users());
        let desk = desk(&script, basic(vec![file(&dir, "only", "one")]));
        let e = desk.call(DeskCall::Me).await.unwrap_err();
        assert!(!e.message.contains("none of its secrets"), "{e}");
        file(&dir, "only", "two");
        desk.call(DeskCall::Me).await.unwrap();
        assert_eq!(sent(&script), ["one", "two"]);
    }

    #[tokio::test]
    async fn the_client_secret_of_an_application_rotates_as_well() {
        let (script, dir) = (Script::new(), tempfile::tempdir().unwrap());
        script.push(answer(401, r#"{"error":"invalid_client","error_description":"access_denied"}"#));
        script.push(answer(200, r#"{"access_token":"t","token_type":"Bearer","expires_in":1799}"#));
        script.push(users());
        let sign_in = SignIn::OAuthPassword {
            client_id: "cid".into(),
            client_secrets: vec![file(&dir, "old", "one"), file(&dir, "next", "two")],
            user: "sync".into(),
            password: file(&dir, "password", "pw"),
        };
        desk(&script, sign_in).call(DeskCall::Me).await.unwrap();
        let forms: Vec<String> =
            script.seen().iter().map(|r| String::from_utf8(r.body.clone()).unwrap()).collect();
        assert!(
            forms[0].contains("client_secret=one&") && forms[1].contains("client_secret=two&"),
            "{forms:?}"
        );
        assert!(forms[1].contains("password=pw"), "{forms:?}");
    }
}
