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
    AllowlistEntry, Amount, ConnectionRates, IpLimits, Limit, Limits, Name, PeerKey, Priority,
    Resource, ScopeId, ScopeLimit,
};
use rcmgr_script::{Dir, Endpoint, Header, Id, Much, Op, ScopeName, Shared};

use crate::model::{Held, Model, What, is_leaf};

/// A handle, by the number of the operation that made it.
pub type Handle = usize;

/// An operation as it is drawn: what it works on, and what it is called, is settled when it is
/// carried out, among what is open then.
#[derive(Clone, Debug)]
pub struct Draw {
    op: Op,
    /// Which of those that fit it works on; a merge, on which two.
    of: Index,
    other: Index,
    /// How much of what is held it takes.
    part: Part,
    /// Whether what is merged is of one scope.
    alike: bool,
}

/// The name of what an operation makes.
pub fn id(handle: Handle) -> Id {
    format!("h{handle}").as_str().try_into().expect("it is a name")
}

/// What has a name.
pub fn handle(id: &Id) -> Handle {
    id.as_str()[1..].parse().expect("it was made of a number")
}

/// In the place of a name that is not settled yet.
fn any_id() -> Id {
    id(0)
}

fn any_scope() -> ScopeName {
    ScopeName::Id(any_id())
}

impl Draw {
    /// The operation on what is open and of the kind that it needs; none where there is none.
    pub fn among(&self, model: &Model, new: Handle) -> Option<Op> {
        let pick = |index: &Index, fits: &dyn Fn(&Handle, &Held) -> bool| {
            let all = model.handles().iter().filter(|&(handle, held)| fits(handle, held));
            let all: Vec<Handle> = all.map(|(handle, _)| *handle).collect();
            (!all.is_empty()).then(|| *index.get(&all))
        };
        let is_wide = |held: &Held| held.what == What::Scope && !is_leaf(&held.scope);
        let of = |fits: &dyn Fn(&Held) -> bool| pick(&self.of, &|_, held| fits(held));
        let scope = || of(&|held| held.what == What::Scope).map(|of| ScopeName::Id(id(of)));
        let wide = || of(&is_wide).map(|of| ScopeName::Id(id(of)));
        let book = || of(&|held| held.what != What::Scope);
        let reservation = || of(&|held| held.what == What::Reservation);
        let leaf = |kind: fn(u64) -> ScopeId| {
            let fits = |handle: &Handle, held: &Held| {
                held.what == What::Scope && held.scope == kind(*handle as u64)
            };
            pick(&self.of, &fits).map(id)
        };
        let part = |of: Handle| Much::from(self.part.of(model.handles()[&of].amount));
        let mut op = self.op.clone();
        match &mut op {
            Op::OpenConn { id: made, .. }
            | Op::OpenStream { id: made, .. }
            | Op::View { id: made, .. } => *made = id(new),
            Op::SetPeer { id: of, .. } => *of = leaf(ScopeId::Connection)?,
            Op::SetProtocol { id: of, .. } | Op::SetService { id: of, .. } => {
                *of = leaf(ScopeId::Stream)?;
            }
            Op::BeginSpan { id: made, of } | Op::Ledger { id: made, of } => {
                (*made, *of) = (id(new), scope()?);
            }
            Op::Hold { id: made, scope: of, .. } => (*made, *of) = (id(new), scope()?),
            Op::HoldAmount { id: made, scope: of, .. } => (*made, *of) = (id(new), wide()?),
            Op::HoldBriefly { scope: of, .. } => *of = wide()?,
            Op::Grow { id: of, .. } => *of = id(book()?),
            Op::Shrink { id: of, amount } => {
                let book = book()?;
                (*of, *amount) = (id(book), part(book));
            }
            Op::Split { id: made, from, amount } => {
                let of = reservation()?;
                (*made, *from, *amount) = (id(new), id(of), part(of));
            }
            Op::Merge { into, from } => {
                let first = reservation()?;
                let scope = &model.handles()[&first].scope;
                let fits = |handle: &Handle, held: &Held| {
                    held.what == What::Reservation
                        && *handle != first
                        && (!self.alike || held.scope == *scope)
                };
                (*into, *from) = (id(first), id(pick(&self.other, &fits)?));
            }
            Op::Done { id: of } => *of = id(pick(&self.of, &|_, _| true)?),
            Op::SetLimit { scope: of, .. } | Op::ClearLimit { scope: of } => *of = scope()?,
            Op::SetLimits { .. } | Op::Gc {} => {}
            other => unreachable!("{other:?} is not drawn"),
        }
        Some(op)
    }
}

/// Whether limits have a say in it.
pub fn asks(op: &Op) -> bool {
    !matches!(
        op,
        Op::View { .. }
            | Op::BeginSpan { .. }
            | Op::Ledger { .. }
            | Op::Shrink { .. }
            | Op::Split { .. }
            | Op::Merge { .. }
            | Op::Done { .. }
            | Op::SetLimits { .. }
            | Op::SetLimit { .. }
            | Op::ClearLimit { .. }
            | Op::Gc {}
    )
}

/// The name of the operation, without what it works on.
pub fn name(op: &Op) -> &'static str {
    match op {
        Op::OpenConn { .. } => "open connection",
        Op::OpenStream { .. } => "open stream",
        Op::View { .. } => "view",
        Op::SetPeer { .. } => "set peer",
        Op::SetProtocol { .. } => "set protocol",
        Op::SetService { .. } => "set service",
        Op::BeginSpan { .. } => "begin span",
        Op::Ledger { .. } => "ledger",
        Op::Hold { .. } => "reserve memory",
        Op::HoldAmount { .. } => "reserve",
        Op::HoldBriefly { .. } => "reserve briefly",
        Op::Grow { .. } => "grow",
        Op::Shrink { .. } => "shrink",
        Op::Split { .. } => "split",
        Op::Merge { .. } => "merge",
        Op::Done { .. } => "drop",
        Op::SetLimits { .. } => "set limits",
        Op::SetLimit { .. } => "set limit",
        Op::ClearLimit { .. } => "clear limit",
        Op::Gc {} => "collect",
        _ => "another",
    }
}

/// So many quarters of what is held, and beyond that `more`.
#[derive(Clone, Copy, Debug)]
struct Part {
    quarters: u32,
    more: Amount,
}

impl Part {
    fn of(&self, held: Amount) -> Amount {
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
    pub ops: Vec<Draw>,
    /// At the end all is dropped: the newest first, or the oldest.
    pub newest_first: bool,
}

pub fn case() -> impl Strategy<Value = Case> {
    (limits(), vec(draw(), 1..MAX_OPS), any::<bool>())
        .prop_map(|(limits, ops, newest_first)| Case { limits, ops, newest_first })
}

const MAX_OPS: usize = 300;

fn draw() -> impl Strategy<Value = Draw> {
    (op(), any::<Index>(), any::<Index>(), part(), any::<bool>())
        .prop_map(|(op, of, other, part, alike)| Draw { op, of, other, part, alike })
}

fn op() -> impl Strategy<Value = Op> {
    let prio = || priority().prop_map(|priority| priority.0);
    let much = || amount().prop_map(Much::from);
    prop_oneof![
        8 => (dir(), any::<bool>(), endpoint())
            .prop_map(|(dir, usefd, endpoint)| Op::OpenConn { id: any_id(), dir, usefd, endpoint }),
        8 => (peer(), dir()).prop_map(|(peer, dir)| Op::OpenStream { id: any_id(), peer, dir }),
        10 => shared_scope().prop_map(|scope| Op::View { id: any_id(), scope }),
        5 => peer().prop_map(|peer| Op::SetPeer { id: any_id(), peer }),
        5 => (protocol(), any::<bool>()).prop_map(|(proto, by_view)| {
            Op::SetProtocol { id: any_id(), proto: proto.to_string(), by_view }
        }),
        5 => (service(), any::<bool>()).prop_map(|(svc, by_view)| {
            Op::SetService { id: any_id(), svc: svc.to_string(), by_view }
        }),
        7 => Just(Op::BeginSpan { id: any_id(), of: any_scope() }),
        3 => Just(Op::Ledger { id: any_id(), of: any_scope() }),
        12 => (bytes(), prio())
            .prop_map(|(size, prio)| Op::Hold { id: any_id(), scope: any_scope(), size, prio }),
        14 => (much(), prio()).prop_map(|(amount, prio)| {
            Op::HoldAmount { id: any_id(), scope: any_scope(), amount, prio }
        }),
        4 => (much(), prio())
            .prop_map(|(amount, prio)| Op::HoldBriefly { scope: any_scope(), amount, prio }),
        8 => (much(), prio()).prop_map(|(amount, prio)| Op::Grow { id: any_id(), amount, prio }),
        4 => Just(Op::Shrink { id: any_id(), amount: Much::default() }),
        2 => Just(Op::Split { id: any_id(), from: any_id(), amount: Much::default() }),
        2 => Just(Op::Merge { into: any_id(), from: any_id() }),
        18 => Just(Op::Done { id: any_id() }),
        1 => limits().prop_map(|limits| set_limits(&limits)),
        9 => scope_limit()
            .prop_map(|limit| Op::SetLimit { scope: any_scope(), limit: limit.into() }),
        6 => Just(Op::ClearLimit { scope: any_scope() }),
        2 => Just(Op::Gc {}),
    ]
}

fn set_limits(limits: &Limits) -> Op {
    let Header { base, limits, .. } = Header::of(limits);
    Op::SetLimits { base: base.into(), limits: limits.into() }
}

fn peer() -> impl Strategy<Value = String> {
    select(&["ann", "bob", ""]).prop_map(str::to_owned)
}

fn peer_key() -> impl Strategy<Value = PeerKey> {
    peer().prop_map(|peer| peer.as_bytes().into())
}

fn protocol() -> impl Strategy<Value = Name> {
    select(&["/ping/1.0.0", "/sync", "relay"]).prop_map(Name::from)
}

/// One name is a protocol's too: the two must not be taken for one another.
fn service() -> impl Strategy<Value = Name> {
    select(&["dht", "relay"]).prop_map(Name::from)
}

fn shared_scope() -> impl Strategy<Value = ScopeName> {
    prop_oneof![
        Just(Shared::System),
        Just(Shared::Transient),
        Just(Shared::AllowlistedSystem),
        Just(Shared::AllowlistedTransient),
        service().prop_map(Shared::Service),
        protocol().prop_map(Shared::Protocol),
        peer().prop_map(|peer| Shared::Peer(peer.into())),
    ]
    .prop_map(ScopeName::Shared)
}

fn dir() -> impl Strategy<Value = Dir> {
    select(&[Dir::In, Dir::Out])
}

/// Without an address, or with one of an allowlisted network, of a network from which one peer is
/// allowed, or of no such network.
fn endpoint() -> impl Strategy<Value = Endpoint> {
    prop_oneof![
        4 => Just(None),
        3 => Just(Some(ANYONES)),
        2 => Just(Some(ANNS)),
        1 => Just(Some(STRANGERS)),
    ]
    .prop_map(endpoint_at)
}

/// An endpoint with that address.
pub fn endpoint_at(ip: Option<IpAddr>) -> Endpoint {
    let text = ip.map_or("/memory/1".to_owned(), |ip| format!("/ip4/{ip}/tcp/1"));
    text.try_into().expect("it is an endpoint")
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
        rates: ConnectionRates::unlimited(),
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
        hash_map(peer_key(), l(), 0..2),
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
