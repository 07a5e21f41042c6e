//! Reads that may be repeated: a few tries within a pass, then the pass has failed and the next
//! one starts where it did.

use std::time::Duration;

use crate::model::call::{Answer, DeskCall, DeskReply, SentinelCall, SentinelReply};
use crate::model::{CallError, DeskKey, FaultKind, Retry};

use super::ctx::{Shared, Ws};
use super::recovery::Recovery;

/// Tries within one pass.
const TRIES: u32 = 3;
/// Longest pause between them; whoever asks for more gets a failed pass.
const MOST: Duration = Duration::from_secs(5);

/// How long to wait before the same read, `None` when it makes no sense within this pass.
fn pause(shared: &Shared, error: &CallError, tries: u32) -> Option<Duration> {
    let passing = matches!(error.kind, FaultKind::Unavailable | FaultKind::Garbled | FaultKind::Throttled);
    if !passing || tries >= TRIES || super::board::lock(&shared.board).stopping {
        return None;
    }
    let wait = match error.retry {
        Retry::After(wait) => (wait <= MOST).then_some(wait),
        Retry::Backoff => Some(shared.backoff(tries, MOST)),
        Retry::WhenCured | Retry::Never => None,
    };
    if wait.is_some() {
        shared.recovered(Recovery::ReadRepeated);
    }
    wait
}

/// Reads from a desk, with a few tries.
pub(super) async fn read_desk(
    shared: &Shared,
    desk: &DeskKey,
    call: DeskCall,
) -> Result<Answer<DeskReply>, CallError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match shared.desk(desk, call.clone(), None).await {
            Ok(answer) => return Ok(answer),
            Err(error) => match pause(shared, &error, tries) {
                Some(wait) => shared.sleep(wait).await,
                None => return Err(error),
            },
        }
    }
}

impl Ws {
    /// Reads from Sentinel, with a few tries.
    pub async fn read_sentinel(&self, call: SentinelCall) -> Result<Answer<SentinelReply>, CallError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.sentinel(call.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => match pause(&self.shared, &error, tries) {
                    Some(wait) => self.shared.sleep(wait).await,
                    None => return Err(error),
                },
            }
        }
    }

    /// Reads from the route's instance, with a few tries.
    pub async fn read_record_desk(&self, call: DeskCall) -> Result<Answer<DeskReply>, CallError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.desk(call.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => match pause(&self.shared, &error, tries) {
                    Some(wait) => self.shared.sleep(wait).await,
                    None => return Err(error),
                },
            }
        }
    }
}
