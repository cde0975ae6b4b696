//! Tags as applications of go-libp2p set them, told to a [`Manager`].

use std::{sync::Arc, time::Duration};

use rcmgr_connmgr::{
    Manager,
    decay::{Bump, Decay, DecayingTag, RegisterError},
};

use crate::simulation::algorithm::{Connection, News, Protocol, Tag};

/// The tags of all applications.
///
/// Nothing here can be refused: a world has fewer peers and tags than the bounds of a manager.
#[derive(Debug)]
pub struct Applications {
    /// First deliveries of messages: 1 each, 15 at most, 1 less each 10 minutes (go-libp2p-pubsub,
    /// `tag_tracer.go`).
    deliveries: DecayingTag,
}

/// What protects the peers of the application that keeps everybody.
const KEEPER: &str = "keeper";

impl Applications {
    /// Registers their tags.
    ///
    /// # Errors
    /// As [`Manager::register_decaying`].
    pub fn new(manager: &Manager) -> Result<Applications, RegisterError> {
        let (name, interval) = ("pubsub-deliveries:topic", Duration::from_secs(600));
        let bump = Bump::Bounded { min: 0, max: 15 };
        let deliveries = manager.register_decaying(name, interval, Decay::Fixed(1), bump)?;
        Ok(Applications { deliveries })
    }

    /// Sets tags and protections.
    pub fn tell(&self, manager: &Manager, now: Duration, connection: &Connection, news: News) {
        const BOUNDS: &str = "a world stays within the bounds of a manager";
        let peer = &connection.peer;
        match news {
            News::Tagged(tag, value) => manager.tag(now, peer, tag.name(), value).expect(BOUNDS),
            News::Delivered => manager.bump(now, peer, self.deliveries, 1).expect(BOUNDS),
            News::Protected(tag) => manager.protect(peer, tag.name()).expect(BOUNDS),
            News::Closed => {
                for tag in [Tag::Bucket.name(), Tag::Mesh.name(), KEEPER] {
                    manager.unprotect(peer, tag);
                }
            }
            _ => {}
        }
    }

    /// Has a peer kept in the one way there is in version 1: by protecting it.
    pub fn keep(&self, manager: &Manager, connection: &Connection) {
        manager.protect(&connection.peer, KEEPER).expect("there are fewer than may be protected");
    }
}

/// An address as it is shown.
pub fn address(connection: &Connection) -> Arc<str> {
    connection.address.to_string().into()
}

/// The number of a protocol's stream on a connection.
pub fn stream(connection: &Connection, protocol: Protocol) -> u64 {
    connection.id.0 * Protocol::ALL.len() as u64 + protocol as u64
}
