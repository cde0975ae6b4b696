//! What the rounds of a regulator ask of peers: their tags, and whether they are protected.

use super::Manager;
use crate::{ConnectionId, Peer};

/// What is known of the peer of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The sum of its tags.
    pub tags: i64,
    pub protected: bool,
}

impl Manager {
    /// What is known of a peer.
    pub(crate) fn standing(&self, peer: &Peer) -> Standing {
        let hash = self.shards.hash(peer);
        let shard = self.shards.lock(hash);
        Standing {
            tags: shard.get(hash, peer).map_or(0, |entry| entry.score()),
            protected: shard.protections.is_protected(hash, peer),
        }
    }

    /// What is known of the peers of all connections, by connection, ascending. Shard by shard, so
    /// that nobody waits for all of it.
    pub(crate) fn standings(&self) -> Vec<(ConnectionId, Standing)> {
        let mut standings = Vec::new();
        for shard in self.shards.each() {
            // So that no memory is asked for under the lock, unless many came meanwhile.
            let connections = shard().connections();
            standings.reserve(connections + connections / 4);
            let shard = shard();
            for entry in shard.iter().filter(|entry| !entry.connections.is_empty()) {
                let protected = shard.protections.is_protected(entry.hash, &entry.peer);
                let standing = Standing { tags: entry.score(), protected };
                standings.extend(entry.connections.iter().map(|known| (known.id, standing)));
            }
        }
        standings.sort_unstable_by_key(|(connection, _)| *connection);
        standings
    }
}
