//! Bodies of answers: whole, cut off, or dripping.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// The body of one answer.
pub(crate) enum Payload {
    /// All bytes at once, so that head and body leave in one write.
    Whole(Bytes),
    /// Some bytes, then an error that breaks the connection.
    Cut {
        /// What still arrives.
        first: Bytes,
        /// Gives head and bytes the time to leave before the break.
        timer: Pin<Box<Sleep>>,
    },
    /// A chunk, a pause, a chunk.
    Drip {
        /// What is still to come.
        rest: Bytes,
        /// Bytes per drop.
        chunk: usize,
        /// Time between drops.
        pause: Duration,
        /// The pause that runs.
        timer: Pin<Box<Sleep>>,
    },
}

impl Payload {
    pub fn cut(first: Bytes) -> Self {
        Payload::Cut { first, timer: Box::pin(sleep(Duration::from_millis(5))) }
    }

    pub fn drip(rest: Bytes, chunk: usize, pause: Duration) -> Self {
        Payload::Drip { rest, chunk: chunk.max(1), pause, timer: Box::pin(sleep(Duration::ZERO)) }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Payload::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Payload::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Payload::Cut { first, .. } if !first.is_empty() => {
                Poll::Ready(Some(Ok(Frame::data(std::mem::take(first)))))
            }
            Payload::Cut { timer, .. } => {
                std::task::ready!(timer.as_mut().poll(cx));
                Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())))
            }
            Payload::Drip { rest, chunk, pause, timer } => {
                if rest.is_empty() {
                    return Poll::Ready(None);
                }
                std::task::ready!(timer.as_mut().poll(cx));
                let drop = rest.split_to((*chunk).min(rest.len()));
                timer.set(sleep(*pause));
                Poll::Ready(Some(Ok(Frame::data(drop))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Payload::Whole(bytes) => bytes.is_empty(),
            Payload::Cut { .. } => false,
            Payload::Drip { rest, .. } => rest.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Payload::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Payload::Drip { rest, .. } => SizeHint::with_exact(rest.len() as u64),
            Payload::Cut { .. } => SizeHint::default(),
        }
    }
}
