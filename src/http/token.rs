//! Tokens: fetched once for everybody, kept until shortly before they end, bound to one base.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::{Base, Clock, HttpError, HttpRequest, Secret};

/// How long before its end a token is replaced.
const EARLY: Duration = Duration::from_secs(300);
/// Pause between attempts to replace a token that still works.
const EARLY_PAUSE: Duration = Duration::from_secs(30);

/// What makes a request ours: one header, and the only base that it may go to.
#[derive(Clone)]
pub struct Token {
    bound: Arc<Base>,
    value: Secret,
    serial: u64,
}

impl Token {
    /// An `authorization` value for requests below `bound`. Refuses what cannot be a header.
    pub fn new(bound: Arc<Base>, value: &str) -> Result<Self, HttpError> {
        if value.is_empty() || !value.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            return Err(HttpError::Guard("the credential holds characters that no header may have".into()));
        }
        Ok(Self { bound, value: Secret::new(value), serial: 0 })
    }

    /// Adds the header, if the request goes to the token's own base; else refuses it.
    pub(super) fn attach(&self, request: &mut HttpRequest) -> Result<(), HttpError> {
        self.bound.covers(&request.url)?;
        request.headers.push(("authorization".into(), self.value.expose().to_owned()));
        Ok(())
    }

    /// Takes the token's text out of something that a server wrote.
    pub fn scrub(&self, text: &str) -> String {
        let value = self.value.expose();
        let bare = value.split_once(' ').map_or(value, |(_, v)| v);
        Secret::new(bare).scrub(text)
    }
}

/// Where a client's tokens come from; `E` is the caller's error.
#[async_trait]
pub trait TokenSource<E>: Send + Sync {
    /// A token that should work now.
    async fn token(&self) -> Result<Token, E>;

    /// Another token after a server refused `refused`; `None` when there can be no other, as
    /// with a fixed password.
    async fn renew(&self, refused: &Token) -> Result<Option<Token>, E>;
}

/// A credential that never changes: Basic.
#[derive(Clone)]
pub struct FixedToken(Token);

impl FixedToken {
    /// Wraps it.
    pub fn new(token: Token) -> Self {
        Self(token)
    }
}

#[async_trait]
impl<E: Send + 'static> TokenSource<E> for FixedToken {
    async fn token(&self) -> Result<Token, E> {
        Ok(self.0.clone())
    }

    async fn renew(&self, _refused: &Token) -> Result<Option<Token>, E> {
        Ok(None)
    }
}

/// A token as it came from its endpoint.
pub struct FreshToken {
    /// The token.
    pub token: Token,
    /// How long it works, counted from the request for it.
    pub lives: Duration,
}

/// One way to ask for a token, without any memory.
#[async_trait]
pub trait TokenGrant: Send + Sync {
    /// The caller's error.
    type Error: Clone + Send + Sync;

    /// Asks the endpoint once.
    async fn fetch(&self) -> Result<FreshToken, Self::Error>;
}

/// Keeps a grant's token: one request at a time, replaced five minutes before its end (or at
/// half of a shorter life); the old one is served until its real end when that fails.
pub struct TokenCache<G: TokenGrant> {
    grant: G,
    clock: Arc<dyn Clock>,
    state: Mutex<Kept<G::Error>>,
    /// Attempts that have ended, so that a call knows which of them it waited through.
    finished: AtomicU64,
}

struct Kept<E> {
    token: Option<Token>,
    replace_at: Duration,
    ends_at: Duration,
    serial: u64,
    failed: Option<(u64, E)>,
}

impl<G: TokenGrant> TokenCache<G> {
    /// An empty cache over that grant.
    pub fn new(grant: G, clock: Arc<dyn Clock>) -> Self {
        let kept = Kept {
            token: None,
            replace_at: Duration::ZERO,
            ends_at: Duration::ZERO,
            serial: 0,
            failed: None,
        };
        Self { grant, clock, state: Mutex::new(kept), finished: AtomicU64::new(0) }
    }

    async fn get(&self, refused: Option<u64>) -> Result<Token, G::Error> {
        let seen = self.finished.load(Ordering::SeqCst);
        let mut kept = self.state.lock().await;
        let now = self.clock.monotonic();
        let held = kept.token.clone().filter(|t| now < kept.ends_at && refused != Some(t.serial));
        if let Some(token) = &held
            && now < kept.replace_at
        {
            return Ok(token.clone());
        }
        // Whoever waited while somebody else's attempt failed shares that failure: ten waiting
        // calls must not knock ten times with a wrong secret.
        if let (None, Some((attempt, error))) = (&held, &kept.failed)
            && *attempt > seen
        {
            return Err(error.clone());
        }
        let result = self.grant.fetch().await;
        let attempt = self.finished.fetch_add(1, Ordering::SeqCst) + 1;
        match result {
            Ok(fresh) => {
                kept.serial += 1;
                let token = Token { serial: kept.serial, ..fresh.token };
                kept.ends_at = now + fresh.lives;
                kept.replace_at = kept.ends_at.saturating_sub(EARLY.min(fresh.lives / 2));
                kept.token = Some(token.clone());
                kept.failed = None;
                Ok(token)
            }
            Err(error) => {
                kept.failed = Some((attempt, error.clone()));
                match held {
                    Some(token) => {
                        kept.replace_at = now + EARLY_PAUSE;
                        Ok(token)
                    }
                    None => Err(error),
                }
            }
        }
    }
}

#[async_trait]
impl<G: TokenGrant> TokenSource<G::Error> for TokenCache<G> {
    async fn token(&self) -> Result<Token, G::Error> {
        self.get(None).await
    }

    async fn renew(&self, refused: &Token) -> Result<Option<Token>, G::Error> {
        self.get(Some(refused.serial)).await.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::scripted::FakeClock;

    struct Grant {
        asked: AtomicU64,
        failing: std::sync::atomic::AtomicBool,
    }

    #[async_trait]
    impl TokenGrant for Arc<Grant> {
        type Error = String;

        async fn fetch(&self) -> Result<FreshToken, String> {
            let n = self.asked.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            if self.failing.load(Ordering::SeqCst) {
                return Err("no".into());
            }
            let base = Arc::new(Base::parse("https://api.example", false).unwrap());
            let token = Token::new(base, &format!("Bearer t{n}")).unwrap();
            Ok(FreshToken { token, lives: Duration::from_secs(3600) })
        }
    }

    fn cache(failing: bool) -> (Arc<Grant>, Arc<FakeClock>, TokenCache<Arc<Grant>>) {
        let grant = Arc::new(Grant { asked: AtomicU64::new(0), failing: failing.into() });
        let clock = Arc::new(FakeClock::default());
        (grant.clone(), clock.clone(), TokenCache::new(grant, clock))
    }

    fn text(token: Result<Token, String>) -> String {
        token.map_or_else(|e| e, |t| t.value.expose().to_owned())
    }

    #[tokio::test]
    async fn one_request_serves_everybody_until_five_minutes_before_the_end() {
        let (grant, clock, cache) = cache(false);
        let all = futures::future::join_all((0..8).map(|_| cache.token())).await;
        assert!(all.into_iter().all(|t| text(t) == "Bearer t0"));
        clock.advance(Duration::from_secs(3299));
        assert_eq!(text(cache.token().await), "Bearer t0");
        clock.advance(Duration::from_secs(2));
        assert_eq!(text(cache.token().await), "Bearer t1");
        assert_eq!(grant.asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn an_early_failure_serves_the_old_token_until_its_real_end() {
        let (grant, clock, cache) = cache(false);
        assert_eq!(text(cache.token().await), "Bearer t0");
        grant.failing.store(true, Ordering::SeqCst);
        clock.advance(Duration::from_secs(3400));
        assert_eq!(text(cache.token().await), "Bearer t0");
        assert_eq!(text(cache.token().await), "Bearer t0");
        assert_eq!(grant.asked.load(Ordering::SeqCst), 2, "no second attempt within the pause");
        clock.advance(Duration::from_secs(200));
        assert_eq!(text(cache.token().await), "no");
    }

    #[tokio::test]
    async fn a_refused_token_is_replaced_once_for_all_who_held_it() {
        let (grant, _, cache) = cache(false);
        let Ok(old) = cache.token().await else { panic!("a token") };
        let (a, b) = futures::join!(cache.renew(&old), cache.renew(&old));
        assert_eq!(text(a.map(Option::unwrap)), "Bearer t1");
        assert_eq!(text(b.map(Option::unwrap)), "Bearer t1");
        assert_eq!(grant.asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn waiting_calls_share_one_failure() {
        let (grant, _, cache) = cache(true);
        let all = futures::future::join_all((0..8).map(|_| cache.token())).await;
        assert!(all.into_iter().all(|t| text(t) == "no"));
        assert_eq!(grant.asked.load(Ordering::SeqCst), 1);
        assert_eq!(text(cache.token().await), "no");
        assert_eq!(grant.asked.load(Ordering::SeqCst), 2, "a later call tries again");
    }
}
