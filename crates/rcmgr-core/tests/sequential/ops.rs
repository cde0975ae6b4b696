//! The operations, and how random ones are drawn: few keys and tight limits, so that scopes are
//! shared and refusals are frequent; a few numbers near the ends of their ranges, so that sums
//! meet the widths of counters.

use std::{
    fmt::Debug,
    net::{IpAddr, Ipv4Addr},
};

use proptest::{
    collection::{hash_map, vec},
    prelude::*,
    sample::{Index, select},
};
use rcmgr_core::{
    AllowlistEntry, Amount, ConnectionRequest, Direction, IpLimits, Limit, Limits, Name, PeerKey,
    Priority, Resource, ScopeId, ScopeLimit,
};

use crate::model::{Held, Model, What, is_leaf};

/// A handle, by the number of the operation that made it.
pub type Handle = usize;

/// One operation on handles of type `H`: an [`Index`] among those that live when it is drawn,
/// a [`Handle`] when it is carried out.
#[derive(Clone, Debug)]
pub enum Op<H> {
    OpenConnection(ConnectionRequest),
    OpenStream(PeerKey, Direction),
    /// Takes hold of a shared scope.
    View(ScopeId),
    SetPeer(H, PeerKey),
    /// Attaches by name or through a view.
    SetProtocol {
        stream: H,
        protocol: Name,
        by_view: bool,
    },
    SetService {
        stream: H,
        service: Name,
        by_view: bool,
    },
    BeginSpan(H),
    Ledger(H),
    ReserveMemory(H, u64, Priority),
    Reserve(H, Amount, Priority),
    /// Reserves, splits, merges and shrinks what was reserved while it still borrows its scope,
    /// and releases it.
    ReserveBriefly(H, Amount, Priority),
    /// Grows a reservation, or reserves through a ledger.
    Grow(H, Amount, Priority),
    /// Shrinks a reservation, or releases through a ledger.
    Shrink(H, Part),
    Split(H, Part),
    /// Merges two reservations, which have no effect unless they are of one scope; of one they are
    /// if `alike`.
    Merge {
        into: H,
        other: H,
        alike: bool,
    },
    Drop(H),
    SetLimits(Box<Limits>),
    SetLimit(H, Box<ScopeLimit>),
    ClearLimit(H),
    Collect,
}

impl Op<Index> {
    /// The operation on a live handle of the kind that it needs; none where there is none.
    pub fn among(&self, model: &Model) -> Option<Op<Handle>> {
        let pick = |index: &Index, fits: &dyn Fn(&Handle, &Held) -> bool| {
            let all = model.handles().iter().filter(|&(handle, held)| fits(handle, held));
            let all: Vec<Handle> = all.map(|(handle, _)| *handle).collect();
            (!all.is_empty()).then(|| *index.get(&all))
        };
        let any = |index| pick(index, &|_, _| true);
        let scope = |index| pick(index, &|_, held| held.what == What::Scope);
        let wide =
            |index| pick(index, &|_, held| held.what == What::Scope && !is_leaf(&held.scope));
        let book = |index| pick(index, &|_, held| held.what != What::Scope);
        let reservation = |index| pick(index, &|_, held| held.what == What::Reservation);
        let leaf = |index, kind: fn(u64) -> ScopeId| {
            pick(index, &|handle, held| {
                held.what == What::Scope && held.scope == kind(*handle as u64)
            })
        };
        Some(match self.clone() {
            Op::OpenConnection(request) => Op::OpenConnection(request),
            Op::OpenStream(peer, direction) => Op::OpenStream(peer, direction),
            Op::View(scope) => Op::View(scope),
            Op::SetPeer(of, peer) => Op::SetPeer(leaf(&of, ScopeId::Connection)?, peer),
            Op::SetProtocol { stream, protocol, by_view } => {
                Op::SetProtocol { stream: leaf(&stream, ScopeId::Stream)?, protocol, by_view }
            }
            Op::SetService { stream, service, by_view } => {
                Op::SetService { stream: leaf(&stream, ScopeId::Stream)?, service, by_view }
            }
            Op::BeginSpan(of) => Op::BeginSpan(scope(&of)?),
            Op::Ledger(of) => Op::Ledger(scope(&of)?),
            Op::ReserveMemory(of, bytes, priority) => {
                Op::ReserveMemory(scope(&of)?, bytes, priority)
            }
            Op::Reserve(of, amount, priority) => Op::Reserve(wide(&of)?, amount, priority),
            Op::ReserveBriefly(of, amount, priority) => {
                Op::ReserveBriefly(wide(&of)?, amount, priority)
            }
            Op::Grow(of, amount, priority) => Op::Grow(book(&of)?, amount, priority),
            Op::Shrink(of, part) => Op::Shrink(book(&of)?, part),
            Op::Split(of, part) => Op::Split(reservation(&of)?, part),
            Op::Merge { into, other, alike } => {
                let into = reservation(&into)?;
                let scope = &model.handles()[&into].scope;
                let fits = |handle: &Handle, held: &Held| {
                    held.what == What::Reservation
                        && *handle != into
                        && (!alike || held.scope == *scope)
                };
                Op::Merge { into, other: pick(&other, &fits)?, alike }
            }
            Op::Drop(of) => Op::Drop(any(&of)?),
            Op::SetLimits(limits) => Op::SetLimits(limits),
            Op::SetLimit(of, limit) => Op::SetLimit(scope(&of)?, limit),
            Op::ClearLimit(of) => Op::ClearLimit(scope(&of)?),
            Op::Collect => Op::Collect,
        })
    }
}

impl<H> Op<H> {
    /// Whether limits have a say in it.
    pub fn asks(&self) -> bool {
        !matches!(
            self,
            Op::View(_)
                | Op::BeginSpan(_)
                | Op::Ledger(_)
                | Op::Shrink(..)
                | Op::Split(..)
                | Op::Merge { .. }
                | Op::Drop(_)
                | Op::SetLimits(_)
                | Op::SetLimit(..)
                | Op::ClearLimit(_)
                | Op::Collect
        )
    }

    /// The name of the operation, without what it works on.
    pub fn name(&self) -> &'static str {
        match self {
            Op::OpenConnection(_) => "open connection",
            Op::OpenStream(..) => "open stream",
            Op::View(_) => "view",
            Op::SetPeer(..) => "set peer",
            Op::SetProtocol { .. } => "set protocol",
            Op::SetService { .. } => "set service",
            Op::BeginSpan(_) => "begin span",
            Op::Ledger(_) => "ledger",
            Op::ReserveMemory(..) => "reserve memory",
            Op::Reserve(..) => "reserve",
            Op::ReserveBriefly(..) => "reserve briefly",
            Op::Grow(..) => "grow",
            Op::Shrink(..) => "shrink",
            Op::Split(..) => "split",
            Op::Merge { .. } => "merge",
            Op::Drop(_) => "drop",
            Op::SetLimits(_) => "set limits",
            Op::SetLimit(..) => "set limit",
            Op::ClearLimit(_) => "clear limit",
            Op::Collect => "collect",
        }
    }
}

/// So many quarters of what is held, and beyond that `more`.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    quarters: u32,
    more: Amount,
}

impl Part {
    pub const HALF: Part = Part { quarters: 2, more: Amount::ZERO };

    pub fn of(&self, held: Amount) -> Amount {
        let part = |count: u32| (u64::from(count) * u64::from(self.quarters) / 4) as u32;
        let share = Amount {
            memory: (u128::from(held.memory) * u128::from(self.quarters) / 4) as u64,
            streams_inbound: part(held.streams_inbound),
            streams_outbound: part(held.streams_outbound),
            connections_inbound: part(held.connections_inbound),
            connections_outbound: part(held.connections_outbound),
            file_descriptors: part(held.file_descriptors),
            tasks_high: part(held.tasks_high),
            tasks_medium: part(held.tasks_medium),
            tasks_low: part(held.tasks_low),
        };
        share.checked_add(self.more).unwrap_or(share)
    }
}

/// One life of a manager.
#[derive(Clone, Debug)]
pub struct Case {
    pub limits: Limits,
    pub ops: Vec<Op<Index>>,
    /// At the end all is dropped: the newest first, or the oldest.
    pub newest_first: bool,
}

pub fn case() -> impl Strategy<Value = Case> {
    (limits(), vec(op(), 1..MAX_OPS), any::<bool>()).prop_map(|(limits, ops, newest_first)| Case {
        limits,
        ops,
        newest_first,
    })
}

const MAX_OPS: usize = 300;

fn op() -> impl Strategy<Value = Op<Index>> {
    let of = any::<Index>;
    let by_view = any::<bool>;
    prop_oneof![
        8 => connection_request().prop_map(Op::OpenConnection),
        8 => (peer(), direction()).prop_map(|(peer, direction)| Op::OpenStream(peer, direction)),
        10 => shared_scope().prop_map(Op::View),
        5 => (of(), peer()).prop_map(|(of, peer)| Op::SetPeer(of, peer)),
        5 => (of(), protocol(), by_view())
            .prop_map(|(stream, protocol, by_view)| Op::SetProtocol { stream, protocol, by_view }),
        5 => (of(), service(), by_view())
            .prop_map(|(stream, service, by_view)| Op::SetService { stream, service, by_view }),
        6 => of().prop_map(Op::BeginSpan),
        3 => of().prop_map(Op::Ledger),
        12 => (of(), bytes(), priority())
            .prop_map(|(of, bytes, priority)| Op::ReserveMemory(of, bytes, priority)),
        14 => (of(), amount(), priority())
            .prop_map(|(of, amount, priority)| Op::Reserve(of, amount, priority)),
        4 => (of(), amount(), priority())
            .prop_map(|(of, amount, priority)| Op::ReserveBriefly(of, amount, priority)),
        8 => (of(), amount(), priority())
            .prop_map(|(of, amount, priority)| Op::Grow(of, amount, priority)),
        4 => (of(), part()).prop_map(|(of, part)| Op::Shrink(of, part)),
        2 => (of(), part()).prop_map(|(of, part)| Op::Split(of, part)),
        2 => (of(), of(), any::<bool>())
            .prop_map(|(into, other, alike)| Op::Merge { into, other, alike }),
        18 => of().prop_map(Op::Drop),
        1 => limits().prop_map(|limits| Op::SetLimits(limits.into())),
        8 => (of(), scope_limit()).prop_map(|(of, limit)| Op::SetLimit(of, limit.into())),
        6 => of().prop_map(Op::ClearLimit),
        2 => Just(Op::Collect),
    ]
}

pub fn peer() -> impl Strategy<Value = PeerKey> {
    select(&["ann", "bob", ""]).prop_map(|key| PeerKey::from(key.as_bytes()))
}

pub fn protocol() -> impl Strategy<Value = Name> {
    select(&["/ping/1.0.0", "/sync", "relay"]).prop_map(Name::from)
}

/// One name is a protocol's too: the two must not be taken for one another.
pub fn service() -> impl Strategy<Value = Name> {
    select(&["dht", "relay"]).prop_map(Name::from)
}

fn shared_scope() -> impl Strategy<Value = ScopeId> {
    prop_oneof![
        Just(ScopeId::System),
        Just(ScopeId::Transient),
        Just(ScopeId::AllowlistedSystem),
        Just(ScopeId::AllowlistedTransient),
        service().prop_map(ScopeId::Service),
        protocol().prop_map(ScopeId::Protocol),
        peer().prop_map(ScopeId::Peer),
    ]
}

fn direction() -> impl Strategy<Value = Direction> {
    select(&[Direction::Inbound, Direction::Outbound])
}

fn connection_request() -> impl Strategy<Value = ConnectionRequest> {
    (direction(), any::<bool>(), address()).prop_map(|(direction, descriptor, ip)| {
        let mut request = ConnectionRequest::new(direction);
        if descriptor {
            request = request.with_file_descriptor();
        }
        if let Some(ip) = ip {
            request = request.with_ip(ip);
        }
        request
    })
}

/// None, or one of an allowlisted network, of a network from which one peer is allowed, or of no
/// such network.
fn address() -> impl Strategy<Value = Option<IpAddr>> {
    prop_oneof![
        4 => Just(None),
        3 => Just(Some(ANYONES)),
        2 => Just(Some(ANNS)),
        1 => Just(Some(STRANGERS)),
    ]
}

/// The addresses that connections come from.
pub const ANYONES: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
pub const ANNS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 1, 0, 1));
pub const STRANGERS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 2, 0, 1));

/// How many connections an address may have, unless its network is allowlisted.
pub const PER_ADDRESS: u64 = 3;

/// The same limits with rules for the addresses.
pub fn with_addresses(limits: Limits) -> Limits {
    let network = |text: &str| text.parse().expect("it is a network");
    let subnets_v4 = [(32, Limit::new(PER_ADDRESS))].into();
    Limits {
        ip: IpLimits { subnets_v4, ..IpLimits::unlimited() },
        allowlist: [
            AllowlistEntry::network(network("10.0.0.0/16")),
            AllowlistEntry::peer(b"ann", network("10.1.0.0/16")),
        ]
        .into(),
        ..limits
    }
}

fn priority() -> impl Strategy<Value = Priority> {
    prop_oneof![
        6 => Just(Priority::ALWAYS),
        2 => select(&[Priority::LOW, Priority::MEDIUM, Priority::HIGH]),
        1 => any::<u8>().prop_map(Priority),
    ]
}

fn bytes() -> impl Strategy<Value = u64> {
    let edges = [1 << 59, (1 << 60) - 1, 1 << 60, 1 << 62, (1 << 63) - 1, 1 << 63, u64::MAX];
    prop_oneof![1 => Just(0), 16 => 0..=64u64, 1 => select(edges.to_vec())]
}

/// The edges are those of fields of 21, 22, 31 and 32 bits.
fn count() -> impl Strategy<Value = u32> {
    let edges = [(1 << 21) - 1, 1 << 21, (1 << 22) - 1, 1 << 22, (1 << 31) - 1, 1 << 31, u32::MAX];
    prop_oneof![12 => 1..=4u32, 1 => select(edges.to_vec()), 1 => select(&[(1 << 21) - 1, u32::MAX])]
}

/// Mostly one resource, sometimes several at once.
fn amount() -> impl Strategy<Value = Amount> {
    prop_oneof![
        1 => bytes().prop_map(Amount::memory),
        6 => vec((any::<Index>(), count()), 0..=2).prop_map(some_counts),
        1 => (bytes(), vec((any::<Index>(), count()), 0..=5))
            .prop_map(|(memory, counts)| some_counts(counts).with_memory(memory)),
    ]
}

fn some_counts(counts: Vec<(Index, u32)>) -> Amount {
    let mut amount = Amount::ZERO;
    for (index, count) in counts {
        let fields = [
            &mut amount.streams_inbound,
            &mut amount.streams_outbound,
            &mut amount.connections_inbound,
            &mut amount.connections_outbound,
            &mut amount.file_descriptors,
            &mut amount.tasks_high,
            &mut amount.tasks_medium,
            &mut amount.tasks_low,
        ];
        let at = index.index(fields.len());
        *fields.into_iter().nth(at).expect("an index among the fields") = count;
    }
    amount
}

fn part() -> impl Strategy<Value = Part> {
    let more = prop_oneof![3 => Just(Amount::ZERO), 1 => amount()];
    (0..=4u32, more).prop_map(|(quarters, more)| Part { quarters, more })
}

fn limits() -> impl Strategy<Value = Limits> {
    let l = scope_limit;
    let fixed = (l(), l(), l(), l());
    let class = (l(), l(), l(), l(), l(), l(), l());
    let named = (
        hash_map(service(), l(), 0..2),
        hash_map(service(), l(), 0..2),
        hash_map(protocol(), l(), 0..2),
        hash_map(protocol(), l(), 0..2),
        hash_map(peer(), l(), 0..2),
    );
    let some = (fixed, class, named).prop_map(|(fixed, class, named)| Limits {
        system: fixed.0,
        transient: fixed.1,
        allowlisted_system: fixed.2,
        allowlisted_transient: fixed.3,
        service: class.0,
        services: named.0,
        service_peer: class.1,
        service_peers: named.1,
        protocol: class.2,
        protocols: named.2,
        protocol_peer: class.3,
        protocol_peers: named.3,
        peer: class.4,
        peers: named.4,
        connection: class.5,
        stream: class.6,
        ..Limits::default()
    });
    prop_oneof![1 => Just(Limits::default()), 9 => some].prop_map(with_addresses)
}

/// Most scopes are open but for a resource or two: were all of them tight, the first of a path
/// would refuse everything and hide those behind it.
fn scope_limit() -> impl Strategy<Value = ScopeLimit> {
    prop_oneof![
        3 => Just(ScopeLimit::UNLIMITED),
        12 => vec((select(&Resource::ALL), limit()), 3..=9).prop_map(|tight| {
            let open = ScopeLimit::UNLIMITED;
            tight.into_iter().fold(open, |limits, (resource, limit)| limits.with(resource, limit))
        }),
    ]
}

fn limit() -> impl Strategy<Value = Limit> {
    prop_oneof![
        2 => Just(0),
        6 => 1..=4u64,
        2 => 5..=128u64,
        1 => select(&[1 << 21, (1 << 32) - 1, 1 << 60, 1 << 63, u64::MAX - 1]),
    ]
    .prop_map(Limit::new)
}
