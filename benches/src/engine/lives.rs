//! Streams, connections and spans that are opened and closed.

use std::hint::black_box;
use std::net::IpAddr;
use std::time::Duration;

use rcmgr_core::{
    ConnectionRequest, Direction, Error, PeerScope, Priority, ProtocolScope, ResourceManager,
    ServiceScope, StreamScope,
};

use super::{Engine, PROTOCOL, SERVICE, Variant};
use crate::keys::{Key, Numbers, Order};
use crate::stream::Room;
use crate::{BYTES, Scenario, Setup, Timed, Work, keys};

/// How many operations' keys are made at a time where they repeat.
const REPEATED: u64 = 1 << 20;

/// The peers of one thread's operations.
struct Turns {
    numbers: Numbers,
    /// Known peers, as one who has connections to them has. Empty where the scenario has none.
    handles: Vec<PeerScope>,
    /// Of the operations to come, in their order, so that a key is not looked for.
    keys: Vec<Key>,
    /// The same, for handles.
    places: Vec<u32>,
    next: usize,
}

impl Turns {
    fn of_thread(setup: &Setup, thread: usize, manager: &ResourceManager) -> Self {
        let numbers = Numbers::of_thread(setup, thread as u64);
        let known = numbers.first()..numbers.first() + numbers.known();
        let handles = known.map(|number| manager.peer(&keys::peer(number))).collect();
        Turns { numbers, handles, keys: Vec::new(), places: Vec::new(), next: 0 }
    }

    fn ready(&mut self, times: u64, by_handles: bool) {
        // All of what comes in turn is there once a turn has been made.
        let turn = match self.numbers.order() {
            Order::InTurn(peers) => Some(peers),
            Order::Scattered(_) | Order::New => None,
        };
        if turn.is_some() && !(self.keys.is_empty() && self.places.is_empty()) {
            return;
        }
        let times = turn.unwrap_or(times.min(REPEATED)) as usize;
        (self.next, self.keys, self.places) = (0, Vec::new(), Vec::new());
        let first = self.numbers.first();
        let numbers = self.numbers.by_ref().take(times);
        if by_handles && !self.handles.is_empty() {
            self.places = numbers.map(|number| (number - first) as u32).collect();
        } else {
            self.keys = numbers.map(keys::peer).collect();
        }
    }

    #[inline]
    fn next_of(&mut self, length: usize) -> usize {
        let next = self.next;
        self.next = if next + 1 == length { 0 } else { next + 1 };
        next
    }

    #[inline]
    fn next_key(&mut self) -> &Key {
        let next = self.next_of(self.keys.len());
        &self.keys[next]
    }

    #[inline]
    fn next_handle(&mut self) -> &PeerScope {
        let next = self.next_of(self.places.len());
        &self.handles[self.places[next] as usize]
    }
}

struct Streams {
    manager: ResourceManager,
    turns: Turns,
    by_handles: bool,
    protocol: ProtocolScope,
    service: ServiceScope,
}

/// Lives of streams.
pub fn streams(variant: Variant, setup: &Setup) -> Result<Timed, Error> {
    let order = Order::of(setup);
    let threads = setup.threads as u64;
    let known = Numbers::new(order, 0).known() * threads;
    let manager = variant.manager(Engine::limits(Room::Ample), known);
    let work = |thread| {
        let turns = Turns::of_thread(setup, thread, &manager);
        let mut streams = Streams {
            manager: manager.clone(),
            turns,
            by_handles: variant.by_handles,
            protocol: manager.protocol(PROTOCOL),
            service: manager.service(SERVICE),
        };
        // What a peer uses of the two is made by its first stream.
        for peer in &streams.turns.handles {
            drop(streams.by_handles(peer)?);
        }
        if order == Order::New {
            streams.fill();
        }
        Ok(Box::new(streams) as Box<dyn Work>)
    };
    (0..setup.threads).map(work).collect::<Result<_, _>>().map(Timed::Here)
}

impl Streams {
    /// Makes as many idle peers as the manager keeps, so that each further one is at the cost of
    /// another.
    fn fill(&mut self) {
        const PEERS: u64 = 20_000;
        self.ready(PEERS);
        self.run(PEERS);
    }

    #[inline]
    fn by_handles(&self, peer: &PeerScope) -> Result<StreamScope, Error> {
        let stream = self.manager.open_stream(peer, Direction::Inbound)?;
        stream.set_protocol(&self.protocol)?;
        stream.set_service(&self.service)?;
        Ok(stream)
    }
}

impl Work for Streams {
    fn ready(&mut self, times: u64) {
        self.turns.ready(times, self.by_handles);
    }

    fn run(&mut self, times: u64) {
        let Streams { manager, turns, by_handles, protocol, service } = self;
        let has_handle = *by_handles && !turns.handles.is_empty();
        for _ in 0..times {
            let opened = if has_handle {
                manager.open_stream(turns.next_handle(), Direction::Inbound)
            } else {
                manager.open_stream(turns.next_key(), Direction::Inbound)
            };
            let stream = opened.expect("there is room for the stream");
            let attached = if *by_handles {
                stream.set_protocol(&*protocol).and_then(|()| stream.set_service(&*service))
            } else {
                stream.set_protocol(PROTOCOL).and_then(|()| stream.set_service(SERVICE))
            };
            attached.expect("there is room in its scopes");
            black_box(&stream);
        }
    }
}

struct Connections {
    manager: ResourceManager,
    turns: Turns,
    by_handles: bool,
    addresses: Option<Addresses>,
}

/// The addresses that a thread's connections come from, in turn, and when.
struct Addresses {
    first: u32,
    count: u32,
    next: u32,
}

impl Addresses {
    /// How long the clock goes on from one turn to the next: as long as the default rate of an
    /// address asks for.
    const BACK_AFTER: Duration = Duration::from_secs(5);

    #[inline]
    fn next_of(&mut self, request: ConnectionRequest) -> ConnectionRequest {
        let number = self.next;
        self.next += 1;
        let ip = IpAddr::V4(keys::address(self.first + number % self.count));
        request.with_ip(ip).at(Self::BACK_AFTER / self.count * number)
    }
}

/// Lives of connections.
pub fn connections(variant: Variant, setup: &Setup) -> Result<Timed, Error> {
    let manager = variant.manager(Engine::limits(Room::Ample), setup.threads as u64);
    let with_ip = setup.scenario == Scenario::Connection10kIps;
    let count = setup.count(10_000) as u32;
    let work = |thread: usize| {
        // Addresses are never shared: their rate is by the clock.
        let addresses = Addresses { first: thread as u32 * count, count, next: 0 };
        let connections = Connections {
            manager: manager.clone(),
            turns: Turns::of_thread(setup, thread, &manager),
            by_handles: variant.by_handles,
            addresses: with_ip.then_some(addresses),
        };
        Box::new(connections) as Box<dyn Work>
    };
    Ok(Timed::Here((0..setup.threads).map(work).collect()))
}

impl Work for Connections {
    fn ready(&mut self, times: u64) {
        self.turns.ready(times, self.by_handles);
    }

    fn run(&mut self, times: u64) {
        for _ in 0..times {
            let mut request = ConnectionRequest::inbound().with_file_descriptor();
            if let Some(addresses) = &mut self.addresses {
                request = addresses.next_of(request);
            }
            let opened = self.manager.open_connection(request);
            let connection = opened.expect("there is room for the connection");
            let attached = if self.by_handles {
                connection.set_peer(self.turns.next_handle())
            } else {
                connection.set_peer(self.turns.next_key())
            };
            attached.expect("there is room in its peer");
            black_box(&connection);
        }
    }
}

struct Spans {
    stream: StreamScope,
    priority: Priority,
}

/// Lives of spans.
pub fn spans(variant: Variant, setup: &Setup) -> Result<Timed, Error> {
    let streams = variant.streams(Room::Ample, setup.threads, setup.peers, true)?;
    let work =
        |Engine { stream, priority, .. }| Box::new(Spans { stream, priority }) as Box<dyn Work>;
    Ok(Timed::Here(streams.into_iter().map(work).collect()))
}

impl Work for Spans {
    fn run(&mut self, times: u64) {
        for _ in 0..times {
            let span = black_box(&self.stream).begin_span().expect("it is not nested too deep");
            let reservation = span.reserve_memory(black_box(BYTES), self.priority);
            drop(black_box(reservation).expect("there is room"));
        }
    }
}
