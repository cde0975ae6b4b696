//! What Kubo refuses to start with.

use core::fmt;

use rcmgr_core::{Limit, Resource};

use crate::libp2p::MAX;
use crate::{Class, Effective, Key, Subject};

/// A limit of the system that Kubo refuses to start with: it is no greater than the connection
/// manager's high watermark, so that connections would be refused before any is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is limited.
    pub resource: Resource,
    /// How much.
    pub limit: Limit,
    /// The high watermark.
    pub high_watermark: u64,
}

impl Refusal {
    /// The first limit that Kubo would refuse what is in effect for, as its
    /// `ensureConnMgrMakeSenseVsResourcesMgr` does: none without a connection manager, or with an
    /// allowlist.
    pub fn of(effective: &Effective) -> Option<Refusal> {
        let high_watermark = effective.connection_manager().high_watermark?;
        if !effective.limits.allowlist.is_empty() {
            return None;
        }
        let checked = [
            Resource::Connections,
            Resource::ConnectionsInbound,
            Resource::Streams,
            Resource::StreamsInbound,
        ];
        let system = &effective.limits.system;
        let refused = |resource: &Resource| {
            let limit = system.get(*resource).get();
            // What is blocked is -2 there, and less than any watermark.
            limit < MAX && limit <= high_watermark
        };
        let resource = checked.into_iter().find(refused)?;
        Some(Refusal { resource, limit: system.get(resource), high_watermark })
    }

    /// The value that it is about.
    pub fn key(&self) -> Key {
        Key::Limit(Subject::Class(Class::System), self.resource)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refusal { resource, limit, high_watermark } = self;
        write!(
            f,
            "Kubo would not start: the system's limit of {} {resource} must be above the high \
             watermark of {high_watermark} connections",
            limit.get()
        )
    }
}
