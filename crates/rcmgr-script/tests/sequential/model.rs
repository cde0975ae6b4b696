//! What the manager means, said as plainly as possible: one thread, no counters, no releases. Here
//! are the rules; what each operation makes of them is in `apply`.
//!
//! A handle is anything that an operation made and that is dropped later: a view of a shared
//! scope, a connection, a stream, a span, a ledger, a reservation. Each handle knows what it
//! holds itself and on which scope. All else is derived from that: what a scope uses is the sum
//! over the handles whose path leads through it, and what a handle held is released by its being
//! gone.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use rcmgr_core::{Amount, Limit, Limits, Name, PeerKey, Priority, Resource, ScopeId, ScopeLimit};

use crate::ops::{ANYONES, Handle, PER_ADDRESS};

mod apply;

/// Why an operation failed, and which scope said so.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub scope: ScopeId,
    pub why: Why,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    Refused { resource: Resource, used: u64, requested: u64, limit: u64, priority: Priority },
    Capacity(Resource),
    Closed,
    AlreadyAttached,
    NoProtocol,
    MemoryOnly,
    NotHeld,
    OtherScope,
}

pub type Verdict = Result<(), Failure>;

/// What a handle is; a view, a connection, a stream and a span are all `Scope`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum What {
    Scope,
    Ledger,
    Reservation,
}

/// A live handle.
#[derive(Clone, Debug)]
pub struct Held {
    pub what: What,
    pub scope: ScopeId,
    /// What it holds itself, not through others: the one connection or stream, what was reserved.
    pub amount: Amount,
}

/// What is known of a scope that a handle opened and closes.
#[derive(Clone, Debug)]
enum Node {
    Connection { allowlisted: bool, peer: Option<PeerKey>, ip: Option<IpAddr> },
    Stream { peer: PeerKey, protocol: Option<Name>, service: Option<Name> },
    Span { owner: ScopeId },
    Ledger { owner: ScopeId },
}

/// A request for room.
struct Request {
    amount: Amount,
    priority: Priority,
    /// Memory is asked for by name, so a full scope refuses even 0 bytes.
    memory: bool,
}

pub struct Model {
    limits: Limits,
    /// The limits set on single scopes.
    own_limits: BTreeMap<ScopeId, ScopeLimit>,
    nodes: BTreeMap<ScopeId, Node>,
    closed: BTreeSet<ScopeId>,
    handles: BTreeMap<Handle, Held>,
}

impl Model {
    pub fn new(limits: Limits) -> Model {
        Model {
            limits,
            own_limits: BTreeMap::new(),
            nodes: BTreeMap::new(),
            closed: BTreeSet::new(),
            handles: BTreeMap::new(),
        }
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    pub fn handles(&self) -> &BTreeMap<Handle, Held> {
        &self.handles
    }

    /// The scopes that a charge of `scope` touches, in the order in which they are asked. Nothing
    /// leads through a closed scope: it has given back all that it held, also through others.
    pub fn path(&self, scope: &ScopeId) -> Vec<ScopeId> {
        if self.closed.contains(scope) {
            return Vec::new();
        }
        let mut path = vec![scope.clone()];
        match self.nodes.get(scope) {
            Some(Node::Span { owner } | Node::Ledger { owner }) => path.extend(self.path(owner)),
            Some(Node::Connection { allowlisted, peer, .. }) => {
                let (transient, system) = match allowlisted {
                    false => (ScopeId::Transient, ScopeId::System),
                    true => (ScopeId::AllowlistedTransient, ScopeId::AllowlistedSystem),
                };
                path.push(peer.clone().map_or(transient, ScopeId::Peer));
                path.push(system);
            }
            Some(Node::Stream { peer, protocol: None, .. }) => {
                path.extend([ScopeId::Peer(peer.clone()), ScopeId::Transient, ScopeId::System]);
            }
            Some(Node::Stream { peer, protocol: Some(protocol), service }) => {
                let (peer, protocol, service) = (peer.clone(), protocol.clone(), service.clone());
                path.push(ScopeId::Peer(peer.clone()));
                path.push(ScopeId::PeerProtocol { peer: peer.clone(), protocol: protocol.clone() });
                path.extend(service.clone().map(|service| ScopeId::PeerService { peer, service }));
                path.push(ScopeId::Protocol(protocol));
                path.extend(service.map(ScopeId::Service));
                path.push(ScopeId::System);
            }
            None => match scope {
                ScopeId::System | ScopeId::AllowlistedSystem => {}
                ScopeId::AllowlistedTransient => path.push(ScopeId::AllowlistedSystem),
                _ => path.push(ScopeId::System),
            },
        }
        path
    }

    /// What every scope uses that a handle's path leads through. These are the scopes that are
    /// in use, by however little; all others are at zero.
    pub fn usage(&self) -> BTreeMap<ScopeId, Amount> {
        let mut usage = BTreeMap::new();
        for held in self.handles.values() {
            for scope in self.path(&held.scope) {
                let used = usage.entry(scope).or_default();
                *used = sum(*used, held.amount);
            }
        }
        usage
    }

    /// The scopes that a collection must leave: those in use and those with a limit of their own.
    pub fn kept(&self) -> BTreeSet<ScopeId> {
        self.usage().into_keys().chain(self.own_limits.keys().cloned()).collect()
    }

    /// The limit in force for a scope that is not closed.
    pub fn limit(&self, scope: &ScopeId) -> ScopeLimit {
        let Limits { services, protocols, peers, service_peers, protocol_peers, .. } = &self.limits;
        if let Some(own) = self.own_limits.get(scope) {
            return *own;
        }
        match scope {
            ScopeId::System => self.limits.system,
            ScopeId::Transient => self.limits.transient,
            ScopeId::AllowlistedSystem => self.limits.allowlisted_system,
            ScopeId::AllowlistedTransient => self.limits.allowlisted_transient,
            ScopeId::Service(name) => *services.get(name).unwrap_or(&self.limits.service),
            ScopeId::Protocol(name) => *protocols.get(name).unwrap_or(&self.limits.protocol),
            ScopeId::Peer(key) => *peers.get(key).unwrap_or(&self.limits.peer),
            ScopeId::PeerService { service, .. } => {
                *service_peers.get(service).unwrap_or(&self.limits.service_peer)
            }
            ScopeId::PeerProtocol { protocol, .. } => {
                *protocol_peers.get(protocol).unwrap_or(&self.limits.protocol_peer)
            }
            ScopeId::Connection(_) => self.limits.connection,
            ScopeId::Stream(_) => self.limits.stream,
            ScopeId::Span(_) => match &self.nodes[scope] {
                Node::Span { owner } => self.limit(owner),
                _ => ScopeLimit::UNLIMITED,
            },
            _ => unreachable!("the model knows every kind of scope"),
        }
    }

    /// Refuses what is closed; named is the first closed scope among `scope` and its owners.
    fn not_closed(&self, scope: &ScopeId) -> Verdict {
        match self.nodes.get(scope) {
            _ if self.closed.contains(scope) => {
                Err(Failure { scope: scope.clone(), why: Why::Closed })
            }
            Some(Node::Span { owner } | Node::Ledger { owner }) => self.not_closed(owner),
            _ => Ok(()),
        }
    }

    /// Whether this is a connection, a stream, or a span under one.
    pub fn memory_only(&self, scope: &ScopeId) -> bool {
        match self.nodes.get(scope) {
            Some(Node::Span { owner } | Node::Ledger { owner }) => self.memory_only(owner),
            _ => is_leaf(scope),
        }
    }

    /// Asks how many connections an address, or its network, has.
    fn admit_address(&self, ip: IpAddr) -> Verdict {
        let open = self.nodes.iter().filter(|(scope, node)| {
            let of_ip = matches!(node, Node::Connection { ip: Some(other), .. } if *other == ip);
            of_ip && !self.closed.contains(scope)
        });
        let (network, limit) = match ip == ANYONES {
            true => ("10.0.0.0/16", self.limit(&ScopeId::AllowlistedSystem).connections.get()),
            false => (&*format!("{ip}/32"), PER_ADDRESS),
        };
        let (used, requested, priority) = (open.count() as u64, 1, Priority::ALWAYS);
        if used < limit {
            return Ok(());
        }
        let scope = ScopeId::Network(network.parse().expect("it is a network"));
        let resource = Resource::Connections;
        Err(Failure { scope, why: Why::Refused { resource, used, requested, limit, priority } })
    }

    /// Asks the limits of all of `scopes`, then whether their counters are wide enough.
    fn admit(&self, scopes: &[ScopeId], request: &Request) -> Verdict {
        self.limits_admit(scopes, request)?;
        self.counters_hold(scopes, request)
    }

    fn limits_admit(&self, scopes: &[ScopeId], request: &Request) -> Verdict {
        let usage = self.usage();
        for scope in scopes {
            let limits = self.limit(scope);
            for resource in request.asked() {
                let limit = limits.get(resource);
                let (used, wanted) = request.outcome(&usage, scope, resource);
                if wanted > request.ceiling(resource, limit) {
                    let requested = request.amount.get(resource);
                    let (limit, priority) = (limit.get(), request.priority);
                    let why = Why::Refused { resource, used, requested, limit, priority };
                    return Err(Failure { scope: scope.clone(), why });
                }
            }
        }
        Ok(())
    }

    fn counters_hold(&self, scopes: &[ScopeId], request: &Request) -> Verdict {
        let usage = self.usage();
        for scope in scopes {
            for resource in request.asked() {
                let (_, wanted) = request.outcome(&usage, scope, resource);
                if width(scope, resource).is_some_and(|bits| wanted >> bits > 0) {
                    return Err(Failure { scope: scope.clone(), why: Why::Capacity(resource) });
                }
            }
        }
        Ok(())
    }
}

impl Request {
    fn of(amount: Amount, priority: Priority) -> Request {
        Request { amount, priority, memory: false }
    }

    /// A total is asked for with any of its parts.
    fn asks(&self, resource: Resource) -> bool {
        self.amount.get(resource) > 0 || (resource == Resource::Memory && self.memory)
    }

    fn asked(&self) -> impl Iterator<Item = Resource> {
        Resource::ALL.into_iter().filter(|resource| self.asks(*resource))
    }

    /// What a scope holds of a resource, and what it would hold.
    fn outcome(
        &self,
        usage: &BTreeMap<ScopeId, Amount>,
        scope: &ScopeId,
        resource: Resource,
    ) -> (u64, u128) {
        let used = usage.get(scope).map_or(0, |used| used.get(resource));
        (used, u128::from(used) + u128::from(self.amount.get(resource)))
    }

    /// How much of `limit` may be in use once the request is admitted.
    fn ceiling(&self, resource: Resource, limit: Limit) -> u128 {
        let share = match resource {
            Resource::Memory => u128::from(self.priority.0) + 1,
            _ => 256,
        };
        match limit.is_unlimited() {
            true => u128::MAX,
            false => u128::from(limit.get()) * share / 256,
        }
    }
}

pub fn is_leaf(scope: &ScopeId) -> bool {
    matches!(scope, ScopeId::Connection(_) | ScopeId::Stream(_))
}

/// How many bits the counter of a resource has; totals have none of their own. The words of spans
/// spend a bit on being closed, that of a leaf four on the path that it is on.
fn width(scope: &ScopeId, resource: Resource) -> Option<u32> {
    let closed_bit = u32::from(matches!(scope, ScopeId::Span(_)));
    match resource {
        Resource::Memory if is_leaf(scope) => Some(60),
        Resource::Memory => Some(64 - closed_bit),
        Resource::StreamsInbound => Some(32),
        Resource::StreamsOutbound => Some(32 - closed_bit),
        Resource::ConnectionsInbound | Resource::ConnectionsOutbound => Some(21),
        Resource::FileDescriptors | Resource::TasksLow => Some(22 - closed_bit),
        Resource::TasksHigh | Resource::TasksMedium => Some(21),
        _ => None,
    }
}

fn sum(one: Amount, other: Amount) -> Amount {
    one.checked_add(other).expect("what was admitted together fits together")
}
