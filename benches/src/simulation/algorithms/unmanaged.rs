//! Nobody decides: the full node refuses.

use std::time::Duration;

use rcmgr_connmgr::ConnectionId;

use crate::simulation::algorithm::{Algorithm, Connection, News};

/// Closes nothing.
#[derive(Debug)]
pub struct Unmanaged;

impl Algorithm for Unmanaged {
    fn tell(&mut self, _: Duration, _: &Connection, _: News) {}

    fn poll(&mut self, _: Duration) -> Vec<ConnectionId> {
        Vec::new()
    }
}
