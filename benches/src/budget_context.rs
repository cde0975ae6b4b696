//! `budget-context`: budgets of several resources in a tree, each charge made on all of a lineage.

use std::array;
use std::hint::black_box;
use std::sync::Arc;

use budget_context::{Budget, BudgetBuilder, BudgetError, ReservationSet, Resource};

use crate::handles::Handles;
use crate::lives::{self, lives};
use crate::repeat::{keep, repeat};
use crate::stream::{AMPLE, Room, SCOPES, Stream, reserving};
use crate::{BYTES, Cannot, Contender, Peers, Scenario, Setup, Timed};

/// The contender.
pub const CONTENDER: Contender = Contender {
    name: "budget-context",
    note: "A tree of `Budget`s: system, peer, stream. In each of them what counts for the protocol \
           and for the service is a resource of its own, and all are taken in one `reserve_many`: \
           the limits of seven scopes under three mutexes, which is faster than a chain of seven \
           budgets. It is made for the operations of tasks, and advises against hot loops. All or \
           nothing; a refusal names the resource and the budget, and the system is asked first. \
           Scopes are handles, not names; what protocols and services there are is known when a \
           budget is made. No priorities, no rates, no change of limits, and no moves: a stream \
           leaves the transient budget after it came into its protocol's, and a connection that \
           gets its peer counts twice in the system for a moment.",
    prepare,
};

fn prepare(setup: &Setup) -> Result<Timed, Cannot> {
    match setup.scenario {
        Scenario::ReserveService | Scenario::RefusedSystem | Scenario::RefusedOwn => {
            reserving::<Budgets<WITH_SERVICE>>(setup)
        }
        Scenario::ReserveProtocol => reserving::<Budgets<WITH_PROTOCOL>>(setup),
        Scenario::Span | Scenario::BytesSpan => spans(setup),
        Scenario::Connection10kIps | Scenario::RefusedIp => Err("it knows no addresses".into()),
        Scenario::Collect1m => Err("a budget goes with its last handle".into()),
        Scenario::Swap => Err("a budget's limits are fixed".into()),
        Scenario::Stats10k | Scenario::Stats1m => Ok(stats(setup)),
        _ => Ok(lives(setup, &Node::new(Room::Ample))),
    }
}

/// How many resources a reservation takes on a stream with protocol and service.
const WITH_SERVICE: usize = 3;

/// How many it takes on a stream with a protocol only.
const WITH_PROTOCOL: usize = 2;

/// What is counted of one scope, as resources: of a budget itself, or of its share in another scope.
#[derive(Debug)]
struct Counted {
    memory: Resource,
    inbound_streams: Resource,
    streams: Resource,
    inbound_connections: Resource,
    connections: Resource,
    descriptors: Resource,
}

impl Counted {
    fn new(scope: &str) -> Self {
        let resource = |kind| {
            Resource::new(format!("{scope}{kind}")).expect("the name of a kind is not empty")
        };
        Counted {
            memory: resource("memory"),
            inbound_streams: resource("streams/inbound"),
            streams: resource("streams"),
            inbound_connections: resource("connections/inbound"),
            connections: resource("connections"),
            descriptors: resource("descriptors"),
        }
    }

    /// The limits on all of it.
    fn limits(&self, memory: u64, streams: u64) -> [(&Resource, u64); 6] {
        [
            (&self.memory, memory),
            (&self.inbound_streams, streams),
            (&self.streams, streams),
            (&self.inbound_connections, AMPLE),
            (&self.connections, AMPLE),
            (&self.descriptors, AMPLE),
        ]
    }

    /// Those of them that protocols and services have.
    fn stream_limits(&self, memory: u64) -> [(&Resource, u64); 3] {
        [(&self.memory, memory), (&self.inbound_streams, AMPLE), (&self.streams, AMPLE)]
    }

    /// What an inbound stream takes.
    fn stream(&self) -> [(&Resource, u64); 2] {
        [(&self.inbound_streams, 1), (&self.streams, 1)]
    }

    /// What an inbound connection with a descriptor takes.
    fn connection(&self) -> [(&Resource, u64); 3] {
        [(&self.inbound_connections, 1), (&self.connections, 1), (&self.descriptors, 1)]
    }
}

fn build<'a>(
    builder: BudgetBuilder,
    limits: impl IntoIterator<Item = (&'a Resource, u64)>,
) -> Budget {
    let limited = |builder: BudgetBuilder, (resource, limit): (&Resource, u64)| {
        builder.limit(resource.clone(), limit)
    };
    let builder = limits.into_iter().fold(builder, limited);
    builder.build().expect("each limit is set once, and there is no deadline")
}

/// What all peers share, with a protocol and a service.
#[derive(Debug)]
struct Node {
    own: Counted,
    transient: Counted,
    protocol: Counted,
    service: Counted,
    /// Limits of memory, from the stream to the system.
    limits: [u64; SCOPES],
    system: Budget,
}

impl Node {
    fn new(room: Room) -> Arc<Self> {
        let (own, transient) = (Counted::new(""), Counted::new("transient/"));
        let (protocol, service) = (Counted::new("protocol/"), Counted::new("service/"));
        let limits = room.limits();
        let [_, _, _, _, of_protocol, of_service, of_system] = limits;
        let of_system = own.limits(of_system, AMPLE).into_iter();
        let system = of_system
            .chain(transient.limits(AMPLE, AMPLE))
            .chain(protocol.stream_limits(of_protocol))
            .chain(service.stream_limits(of_service));
        let system = build(Budget::builder().name("system"), system);
        Arc::new(Node { own, transient, protocol, service, limits, system })
    }

    /// A peer with so much room for streams.
    fn peer(&self, streams: u64) -> Budget {
        let [_, own, protocol, service, ..] = self.limits;
        let own = self.own.limits(own, streams).into_iter();
        let limits = own
            .chain(self.protocol.stream_limits(protocol))
            .chain(self.service.stream_limits(service));
        build(self.system.child().name("peer"), limits)
    }

    /// What holds memory under a budget: a stream or a connection.
    fn leaf(&self, of: &Budget) -> Budget {
        build(of.child(), [(&self.own.memory, self.limits[0])])
    }

    /// The resources that memory of a stream takes: as many of them as it has scopes of.
    fn memory<const N: usize>(&self) -> [Resource; N] {
        let all = [&self.own.memory, &self.protocol.memory, &self.service.memory];
        array::from_fn(|at| all[at].clone())
    }
}

/// A stream, and the resources that its memory takes.
#[derive(Debug)]
pub struct Budgets<const N: usize> {
    stream: Budget,
    memory: [Resource; N],
}

/// Reserves memory of a stream, or of a span of it, until what is given is dropped.
fn reserve(
    budget: &Budget,
    memory: &[Resource],
    bytes: u64,
) -> Result<ReservationSet, BudgetError> {
    budget.reserve_many(memory.iter().map(|resource| (resource, bytes)))
}

impl<const N: usize> Stream for Budgets<N> {
    const NAME: &'static str = CONTENDER.name;

    fn streams(room: Room, streams: usize, peers: Peers) -> Result<Vec<Self>, Cannot> {
        let node = Node::new(room);
        let first = node.peer(AMPLE);
        let stream = |number| {
            let own = number > 0 && peers == Peers::Distinct;
            let peer = if own { node.peer(AMPLE) } else { first.clone() };
            Budgets { stream: node.leaf(&peer), memory: node.memory() }
        };
        Ok((0..streams).map(stream).collect())
    }

    #[inline]
    fn reserve_release(&self, bytes: u64) -> bool {
        let reserved = reserve(&self.stream, &self.memory, bytes);
        black_box(&reserved);
        reserved.is_ok()
    }
}

fn spans(setup: &Setup) -> Result<Timed, Cannot> {
    let streams = Budgets::streams(Room::Ample, setup.threads, setup.peers)?;
    let work = |Budgets { stream, memory }: Budgets<WITH_SERVICE>| {
        if setup.scenario == Scenario::BytesSpan {
            return keep(move || build(stream.child(), [(&memory[0], AMPLE)]));
        }
        repeat(move || {
            let span = build(stream.child(), [(&memory[0], AMPLE)]);
            assert!(black_box(reserve(&span, &memory, BYTES)).is_ok(), "there is room");
        })
    };
    Ok(Timed::Here(streams.into_iter().map(work).collect()))
}

/// A stream, which is counted where it is attached until it is dropped.
#[derive(Debug)]
struct OpenStream {
    /// Where it would reserve memory.
    _budget: Budget,
    peer: Budget,
    _opened: ReservationSet,
    transient: Option<ReservationSet>,
    protocol: Option<ReservationSet>,
    service: Option<ReservationSet>,
}

impl OpenStream {
    fn open(node: &Node, peer: &Budget) -> Result<Self, BudgetError> {
        Ok(OpenStream {
            _opened: peer.reserve_many(node.own.stream())?,
            transient: Some(node.system.reserve_many(node.transient.stream())?),
            protocol: None,
            service: None,
            _budget: node.leaf(peer),
            peer: peer.clone(),
        })
    }

    fn set_protocol(&mut self, node: &Node) -> Result<(), BudgetError> {
        self.protocol = Some(self.peer.reserve_many(node.protocol.stream())?);
        self.transient = None;
        Ok(())
    }

    fn set_service(&mut self, node: &Node) -> Result<(), BudgetError> {
        self.service = Some(self.peer.reserve_many(node.service.stream())?);
        Ok(())
    }

    /// One with its protocol and its service.
    fn complete(node: &Node, peer: &Budget) -> Result<Self, BudgetError> {
        let mut stream = OpenStream::open(node, peer)?;
        stream.set_protocol(node)?;
        stream.set_service(node)?;
        Ok(stream)
    }
}

/// A connection, which is counted where it is attached until it is dropped.
#[derive(Debug)]
struct Connection {
    /// Where it would reserve memory.
    budget: Budget,
    /// In the system, and where it is transient or in its peer.
    held: (ReservationSet, Option<ReservationSet>),
}

impl Connection {
    fn open(node: &Node) -> Result<Self, BudgetError> {
        let system = node.system.reserve_many(node.own.connection())?;
        let transient = node.system.reserve_many(node.transient.connection())?;
        Ok(Connection { budget: node.leaf(&node.system), held: (system, Some(transient)) })
    }

    fn set_peer(&mut self, node: &Node, peer: &Budget) -> Result<(), BudgetError> {
        self.held = (peer.reserve_many(node.own.connection())?, None);
        self.budget = node.leaf(peer);
        Ok(())
    }

    /// One with its peer.
    fn complete(node: &Node, peer: &Budget) -> Result<Self, BudgetError> {
        let mut connection = Connection::open(node)?;
        connection.set_peer(node, peer)?;
        Ok(connection)
    }
}

impl lives::Node for Arc<Node> {
    type Peer = Budget;
    type Stream = OpenStream;
    type Connection = Connection;

    fn peer(&self, streams: u64) -> Budget {
        Node::peer(self, streams)
    }

    fn open(&self, peer: &Budget) -> Option<OpenStream> {
        OpenStream::open(self, peer).ok()
    }

    fn complete(&self, peer: &Budget) -> Option<OpenStream> {
        OpenStream::complete(self, peer).ok()
    }

    fn connect(&self, peer: &Budget) -> Option<Connection> {
        Connection::complete(self, peer).ok()
    }
}

/// Looks at many peers, each of which has a connection, beside a stream of one that charges.
fn stats(setup: &Setup) -> Timed {
    let node = Node::new(Room::Ample);
    let handles = Handles::of_threads(setup, || node.peer(AMPLE));
    let peers = handles[0].all().clone();
    let connect = |peer| Connection::complete(&node, peer).expect("there is room");
    let connections: Vec<_> = peers.iter().map(connect).collect();
    let stream = Budgets::<WITH_SERVICE> { stream: node.leaf(&peers[0]), memory: node.memory() };
    let look = repeat(move || {
        black_box(&connections);
        black_box(peers.iter().map(Budget::snapshot).collect::<Vec<_>>());
    });
    let charge =
        repeat(move || assert!(black_box(&stream).reserve_release(BYTES), "there is room"));
    Timed::Here(vec![look, charge])
}

#[cfg(test)]
mod tests;
