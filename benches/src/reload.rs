//! Limits with many names, as they are replaced while a node runs.

use std::sync::Arc;

use rcmgr_core::{Limit, Limits, PeerKey, ScopeLimit};

use crate::engine::Engine;
use crate::stream::{AMPLE, Room};

/// How many names have limits of their own: a third each of services, protocols and peers. Those
/// of the workload are among them.
pub const NAMES: usize = 10_000;

/// Limits that the workload never reaches, `spare` below [`AMPLE`] for each name. `set` goes into
/// the names, all but those of the workload: limits of different sets share only these.
pub fn limits(set: &str, spare: u64) -> Limits {
    let mut limits = Limits::clone(&Engine::manager(Room::Ample).limits());
    let limit = ScopeLimit::all(Limit::new(AMPLE - spare));
    limits.peers.insert(PeerKey::from(b"peer".as_slice()), limit);
    limits.protocols.insert("/protocol/1.0.0".into(), limit);
    limits.services.insert("service".into(), limit);
    for number in 3..NAMES {
        match number % 3 {
            0 => limits.services.insert(format!("{set}-service-{number}").into(), limit),
            1 => limits.protocols.insert(format!("/{set}/protocol/{number}").into(), limit),
            // As long as the keys of libp2p.
            _ => limits.peers.insert(Arc::from(format!("{set:>10}{number:028}").as_bytes()), limit),
        };
    }
    limits
}
