//! What the manager's observer keeps: the peak of each counter against its limit, refusals, and
//! every charge that passed its limit. It is called on each step of each operation and takes the
//! same memory however many peers come by: peaks and refusals are kept by kind of scope.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use rcmgr_core::{Limit, Observer, PeerKey, Refusal, Resource, ScopeId};

use super::abusers::Kind;

/// Every [`ScopeId::kind`] that counts; what is not listed shares the last row.
const KINDS: [&str; 14] = [
    "system",
    "transient",
    "allowlisted_system",
    "allowlisted_transient",
    "service",
    "protocol",
    "peer",
    "peer_service",
    "peer_protocol",
    "network",
    "connection",
    "stream",
    "span",
    "other",
];

/// One resource in one kind of scope.
#[derive(Default)]
struct Cell {
    peak: AtomicU64,
    /// The same for all scopes of a kind and for the whole run, in this program.
    limit: AtomicU64,
    refused: AtomicU64,
    charges: AtomicU64,
}

type Row = [Cell; Resource::ALL.len()];

/// What was seen of one resource in one kind of scope.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub kind: &'static str,
    pub resource: Resource,
    /// The highest that a scope of this kind held.
    pub peak: u64,
    pub limit: Limit,
    pub refused: u64,
}

/// A charge beyond its limit.
#[derive(Debug)]
pub struct Over {
    pub scope: ScopeId,
    pub resource: Resource,
    pub used: u64,
    pub limit: Limit,
}

/// The observer of the run. Its counters are statistics: none orders anything else.
pub struct Watch {
    rows: [Row; KINDS.len()],
    charges: AtomicU64,
    over_limit: AtomicU64,
    first_over: OnceLock<Over>,
    suspects: Vec<Suspect>,
}

/// An abuser that is known by its peer.
struct Suspect {
    kind: Kind,
    key: PeerKey,
    /// Refusals at its own peer's scope, for what it is after.
    refused: AtomicU64,
}

impl Watch {
    /// An observer that tells the given peers from others.
    pub fn new(suspects: impl IntoIterator<Item = (Kind, PeerKey)>) -> Watch {
        let suspect = |(kind, key)| Suspect { kind, key, refused: AtomicU64::new(0) };
        Watch {
            rows: Default::default(),
            charges: AtomicU64::new(0),
            over_limit: AtomicU64::new(0),
            first_over: OnceLock::new(),
            suspects: suspects.into_iter().map(suspect).collect(),
        }
    }

    fn cell(&self, kind: &str, resource: Resource) -> &Cell {
        let row = KINDS.iter().position(|known| *known == kind).unwrap_or(KINDS.len() - 1);
        &self.rows[row][resource as usize]
    }

    /// How often a kind of scope refused a resource.
    pub fn refusals(&self, kind: &str, resource: Resource) -> u64 {
        self.cell(kind, resource).refused.load(Relaxed)
    }

    /// How often a kind of scope was charged with a resource.
    pub fn charges_of(&self, kind: &str, resource: Resource) -> u64 {
        self.cell(kind, resource).charges.load(Relaxed)
    }

    /// Everything that was charged or refused, in a stable order.
    pub fn seen(&self) -> impl Iterator<Item = Seen> {
        KINDS.into_iter().zip(&self.rows).flat_map(|(kind, row)| {
            Resource::ALL.into_iter().zip(row).filter_map(move |(resource, cell)| {
                let seen = Seen {
                    kind,
                    resource,
                    peak: cell.peak.load(Relaxed),
                    limit: Limit::new(cell.limit.load(Relaxed)),
                    refused: cell.refused.load(Relaxed),
                };
                (seen.peak > 0 || seen.refused > 0).then_some(seen)
            })
        })
    }

    /// How often an abuser was refused at the scope that is meant for it. Unfinished handshakes
    /// have no peer, so theirs are all refusals of handshakes, whoever asked.
    pub fn refused_as_meant(&self, kind: Kind) -> u64 {
        match self.suspects.iter().find(|suspect| suspect.kind == kind) {
            Some(suspect) => suspect.refused.load(Relaxed),
            None => self.refusals(kind.scope(), kind.resource()),
        }
    }

    /// How many charges were looked at.
    pub fn charges(&self) -> u64 {
        self.charges.load(Relaxed)
    }

    /// How many of them passed their limit.
    pub fn over_limit(&self) -> u64 {
        self.over_limit.load(Relaxed)
    }

    /// The first of these.
    pub fn first_over(&self) -> Option<&Over> {
        self.first_over.get()
    }
}

impl Observer for Watch {
    fn charged(&self, scope: &ScopeId, resource: Resource, used: u64, limit: Limit) {
        self.charges.fetch_add(1, Relaxed);
        let cell = self.cell(scope.kind(), resource);
        cell.peak.fetch_max(used, Relaxed);
        cell.charges.fetch_add(1, Relaxed);
        cell.limit.store(limit.get(), Relaxed);
        if !limit.is_unlimited() && used > limit.get() {
            self.over_limit.fetch_add(1, Relaxed);
            self.first_over.get_or_init(|| Over { scope: scope.clone(), resource, used, limit });
        }
    }

    fn refused(&self, refusal: &Refusal) {
        let Refusal { scope, resource, limit, .. } = refusal;
        let cell = self.cell(scope.kind(), *resource);
        cell.refused.fetch_add(1, Relaxed);
        cell.limit.store(*limit, Relaxed);
        let ScopeId::Peer(key) = scope else { return };
        for suspect in &self.suspects {
            if suspect.key == *key && suspect.kind.resource() == *resource {
                suspect.refused.fetch_add(1, Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rcmgr_core::{ConnectionRequest, Direction, Limits, Priority, ResourceManager, ScopeLimit};

    use super::*;

    #[test]
    fn only_charges_beyond_a_limit_count_as_over() {
        let watch = Watch::new([]);
        watch.charged(&ScopeId::System, Resource::Memory, 10, Limit::new(10));
        watch.charged(&ScopeId::System, Resource::Streams, 10, Limit::UNLIMITED);
        assert_eq!((watch.charges(), watch.over_limit()), (2, 0));
        watch.charged(&ScopeId::Transient, Resource::Memory, 11, Limit::new(10));
        assert_eq!(watch.over_limit(), 1);
        let over = watch.first_over().unwrap();
        assert_eq!((&over.scope, over.used), (&ScopeId::Transient, 11));
    }

    #[test]
    fn a_peak_is_the_highest_of_its_kind() {
        let watch = Watch::new([]);
        for (key, used) in [(1u8, 3), (2, 7), (1, 5)] {
            let peer = ScopeId::Peer([key].as_slice().into());
            watch.charged(&peer, Resource::StreamsInbound, used, Limit::new(8));
        }
        let seen: Vec<_> = watch.seen().map(|seen| (seen.kind, seen.peak)).collect();
        assert_eq!(seen, [("peer", 7)]);
    }

    #[test]
    fn refusals_of_an_abuser_are_told_from_those_of_others() {
        let watch = Arc::new(Watch::new([(Kind::Streams, [1u8].as_slice().into())]));
        let limits = Limits {
            transient: ScopeLimit::BLOCK_ALL,
            peer: ScopeLimit::BLOCK_ALL,
            ..Limits::default()
        };
        let manager = ResourceManager::builder().limits(limits).observer(watch.clone()).build();
        for peer in [[1u8], [2]] {
            assert!(manager.open_stream(&peer, Direction::Inbound).is_err());
        }
        assert!(manager.peer(&[1]).reserve_memory(1, Priority::ALWAYS).is_err());
        assert!(manager.open_connection(ConnectionRequest::inbound()).is_err());
        assert_eq!(watch.refusals("peer", Resource::StreamsInbound), 2);
        assert_eq!(watch.refused_as_meant(Kind::Streams), 1);
        assert_eq!(watch.refused_as_meant(Kind::Handshakes), 1);
    }
}
