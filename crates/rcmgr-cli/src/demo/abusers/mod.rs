//! Abusers: each wants more of one thing than the limits give it.

mod connections;
mod handshakes;
mod memory;
mod raw;
mod streams;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use rcmgr_core::{PeerKey, Resource};

use super::{client::Target, stack::Party};

/// What an abuser wants too much of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// Connections of one peer.
    Connections,
    /// Connections that never finish their handshake.
    Handshakes,
    /// Streams of one peer.
    Streams,
    /// Memory of one peer.
    Memory,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Connections, Kind::Handshakes, Kind::Streams, Kind::Memory];

    /// Its name on the command line and in the report.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Connections => "connections",
            Kind::Handshakes => "handshakes",
            Kind::Streams => "streams",
            Kind::Memory => "memory",
        }
    }

    /// The kind of scope that is meant to stop it.
    pub const fn scope(self) -> &'static str {
        match self {
            Kind::Handshakes => "transient",
            Kind::Connections | Kind::Streams | Kind::Memory => "peer",
        }
    }

    /// The resource that is to run out for it there.
    pub const fn resource(self) -> Resource {
        match self {
            Kind::Connections | Kind::Handshakes => Resource::ConnectionsInbound,
            Kind::Streams => Resource::StreamsInbound,
            Kind::Memory => Resource::Memory,
        }
    }

    /// Whether it gets as far as showing who it is, and who that is.
    pub fn peer(self, seed: u64) -> Option<PeerKey> {
        let key = || self.party().keypair(seed).public().to_peer_id().to_bytes().into();
        (self != Kind::Handshakes).then(key)
    }

    fn party(self) -> Party {
        Party::Abuser(self as u16)
    }
}

/// One abuser to be run.
pub struct Abuser {
    pub kind: Kind,
    pub target: Target,
    pub seed: u64,
    /// How often it asked for what it wants.
    pub tries: Arc<AtomicU64>,
}

impl Abuser {
    /// Abuses until it is dropped, which closes all that it has open.
    ///
    /// # Errors
    /// The abuser cannot be made. That the node refuses it or hangs up is no error.
    pub async fn run(self) -> io::Result<()> {
        match self.kind {
            Kind::Connections => connections::run(&self).await,
            Kind::Handshakes => {
                handshakes::run(&self).await;
                Ok(())
            }
            Kind::Streams => streams::run(&self).await,
            Kind::Memory => memory::run(&self).await,
        }
    }

    fn tried(&self) {
        self.tries.fetch_add(1, Relaxed);
    }
}
