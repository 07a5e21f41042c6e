//! The same worlds under a client that is none of ours.

use std::time::Duration;

use diptych::http::{HttpRequest, HttpResponse, Transport, TransportError};

use super::scheduler::Simulation;

impl Simulation {
    /// No process of ours runs in this simulation: somebody else syncs.
    pub fn retire(&mut self) {
        self.processes = [None, None];
    }

    /// Carries a request of such a client, faults included; gives the answer and how long it was
    /// under way.
    pub fn carry_foreign(
        &mut self,
        request: HttpRequest,
    ) -> (Result<HttpResponse, TransportError>, Duration) {
        let answer = self.runtime.block_on(self.transport.send(request));
        self.take_late(0);
        (answer, self.transport.take_time())
    }
}
