//! The machine's own scheduler: futures polled in a fixed order, only when their reply came.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Which tasks have something to do.
type Ready = Arc<Mutex<BTreeSet<u64>>>;

/// Marks one task as ready.
struct TaskWaker {
    id: u64,
    ready: Ready,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).insert(self.id);
    }
}

/// Every procedure that runs.
#[derive(Default)]
pub(super) struct Tasks {
    tasks: BTreeMap<u64, Task>,
    ready: Ready,
    next: u64,
}

impl Tasks {
    /// Adds a procedure; it starts at the next [`Tasks::run`].
    pub fn spawn(&mut self, future: impl Future<Output = ()> + Send + 'static) {
        let id = self.next;
        self.next += 1;
        self.tasks.insert(id, Box::pin(future));
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
    }

    /// Polls every ready task, lowest number first, until none is ready.
    pub fn run(&mut self) {
        loop {
            let next = self.ready.lock().unwrap_or_else(PoisonError::into_inner).pop_first();
            let Some(id) = next else { return };
            let Some(task) = self.tasks.get_mut(&id) else { continue };
            let waker = Waker::from(Arc::new(TaskWaker { id, ready: self.ready.clone() }));
            if let Poll::Ready(()) = task.as_mut().poll(&mut Context::from_waker(&waker)) {
                self.tasks.remove(&id);
            }
        }
    }
}
