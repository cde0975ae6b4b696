//! What is done beside a thread that charges: stats, collection and swaps.

use std::hint::black_box;

use rcmgr_core::{
    ConnectionRequest, ConnectionScope, Error, Limits, PeerScope, PreparedLimits, Resource,
    ResourceManager, ScopeId,
};

use super::{Engine, Variant};
use crate::keys::{Numbers, Order};
use crate::stream::Room;
use crate::{BYTES, Setup, Timed, Work, keys, reload};

/// Charges on a stream with protocol and service.
struct Charging(Engine);

impl Work for Charging {
    fn run(&mut self, times: u64) {
        for _ in 0..times {
            drop(black_box(black_box(&self.0).reserve(BYTES)).expect("there is room"));
        }
    }
}

fn beside(
    variant: Variant,
    manager: &ResourceManager,
    work: impl Work + 'static,
) -> Result<Timed, Error> {
    let stream = Engine::of(Engine::stream(manager)?, variant.priority);
    Ok(Timed::Here(vec![Box::new(work), Box::new(Charging(stream))]))
}

struct Stats {
    manager: ResourceManager,
    visits: bool,
    peers: u64,
    /// One of each peer.
    _connections: Vec<ConnectionScope>,
}

/// Pictures of what many peers hold, each of which has a connection.
pub fn stats(variant: Variant, setup: &Setup) -> Result<Timed, Error> {
    let peers = Numbers::new(Order::of(setup), 0).known();
    let manager = variant.manager(Engine::limits(Room::Ample), peers);
    let connect = |number| {
        let connection = manager.open_connection(ConnectionRequest::inbound())?;
        connection.set_peer(&keys::peer(number))?;
        Ok(connection)
    };
    let connections = (0..peers).map(connect).collect::<Result<_, Error>>()?;
    let work = Stats {
        manager: manager.clone(),
        visits: variant.visits,
        peers,
        _connections: connections,
    };
    beside(variant, &manager, work)
}

impl Work for Stats {
    fn run(&mut self, times: u64) {
        for _ in 0..times {
            let seen = if self.visits {
                let (mut seen, mut connections) = (0, 0);
                self.manager.for_each_scope(|scope, held| {
                    seen += u64::from(matches!(scope, ScopeId::Peer(_)));
                    connections += held.get(Resource::Connections);
                });
                black_box(connections);
                seen
            } else {
                black_box(self.manager.stats()).peers.len() as u64
            };
            assert!(seen >= self.peers, "{seen} peers");
        }
    }
}

struct Collection {
    manager: ResourceManager,
    idle: u64,
    /// Those that are in use.
    held: Vec<PeerScope>,
}

/// Collections of idle peers among many that are in use.
pub fn collection(variant: Variant, setup: &Setup) -> Result<Timed, Error> {
    let [held, idle] = [setup.count(900_000), setup.count(100_000)];
    let manager = variant.manager(Engine::limits(Room::Ample), held + idle);
    let held = (0..held).map(|number| manager.peer(&keys::peer(number))).collect();
    beside(variant, &manager, Collection { manager: manager.clone(), idle, held })
}

impl Work for Collection {
    fn ready(&mut self, _times: u64) {
        let held = self.held.len() as u64;
        for number in held..held + self.idle {
            drop(self.manager.peer(&keys::peer(number)));
        }
    }

    fn run(&mut self, times: u64) {
        for _ in 0..times {
            let collected = self.manager.collect();
            // The second of several finds nothing.
            assert!(times > 1 || collected as u64 >= self.idle, "{collected} were collected");
        }
    }
}

struct Swaps {
    manager: ResourceManager,
    limits: [PreparedLimits; 2],
    next: usize,
}

/// Swaps of two prepared sets of limits with 10,000 names each, which differ in every limit by name.
pub fn swaps(variant: Variant) -> Result<Timed, Error> {
    let [first, second] = [0, 1].map(|spare| reload::limits("a", spare));
    let manager = variant.manager(Limits::clone(&first), 0);
    let limits = [first, second].map(|limits| manager.prepare(limits));
    beside(variant, &manager, Swaps { manager: manager.clone(), limits, next: 1 })
}

impl Work for Swaps {
    fn run(&mut self, times: u64) {
        for _ in 0..times {
            self.manager.publish(&self.limits[self.next]);
            self.next ^= 1;
        }
    }
}
