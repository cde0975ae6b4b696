//! What lies idle with each granule.

use rcmgr_benches::engine::Engine;
use rcmgr_benches::stream::Room;
use rcmgr_core::{Granule, Priority, Reservation, ResourceManager, StreamScope};

use crate::contest::{Scale, Table, size};
use crate::granules::{GRANULES, granule};

const STREAMS: u64 = 10_000;

/// What each stream reserves: as much as a message, and a little more than a granule of 4 KiB or 64.
const RESERVED: [u64; 2] = [4 << 10, 65 << 10];

/// What all streams together have charged.
struct Charged {
    /// While each holds a reservation, beyond what they use.
    in_use: u64,
    /// When they have released it.
    at_rest: u64,
}

fn charged(granule: Granule, streams: u64, bytes: u64) -> Charged {
    let limits = Engine::limits(Room::Ample);
    let manager = ResourceManager::builder().limits(limits).granule(granule).build();
    let stream = |_| Engine::stream(&manager).expect("there is room");
    let streams: Vec<StreamScope> = (0..streams).map(stream).collect();
    let reserve = |stream| StreamScope::reserve_memory(stream, bytes, Priority::ALWAYS);
    let held: Result<Vec<Reservation<'_>>, _> = streams.iter().map(reserve).collect();
    let held = held.expect("there is room");
    let in_use = manager.stats().system.memory - bytes * streams.len() as u64;
    drop(held);
    Charged { in_use, at_rest: manager.stats().system.memory }
}

/// Bytes of many streams.
pub fn tables(scale: Scale) -> Vec<(&'static str, String)> {
    let streams = scale.count(STREAMS);
    let mut columns = vec!["at most".to_owned()];
    for bytes in RESERVED {
        let bytes = size(bytes);
        columns.extend([format!("{bytes} in use"), format!("{bytes} released")]);
    }
    let columns: Vec<_> = columns.iter().map(String::as_str).collect();
    let mut table = Table::new(&["granule"], &columns);
    let mebibytes = |bytes: u64| format!("{:.1}", bytes as f64 / f64::from(1 << 20));
    for bytes in GRANULES {
        let granule = granule(bytes);
        let mut cells = vec![mebibytes(granule.most_idle() * streams)];
        for reserved in RESERVED {
            let Charged { in_use, at_rest } = charged(granule, streams, reserved);
            cells.extend([in_use, at_rest].map(mebibytes));
        }
        table.row(&[&size(bytes)], &cells);
    }
    vec![("idle", table.text())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_counts_leave_nothing_idle_and_granules_no_more_than_they_may() {
        for bytes in RESERVED {
            let exact = charged(Granule::EXACT, 10, bytes);
            assert_eq!((exact.in_use, exact.at_rest), (0, 0));
            let coarse = granule(64 << 10);
            let Charged { in_use, at_rest } = charged(coarse, 10, bytes);
            assert!(in_use > 0 && at_rest > 0);
            assert!(in_use.max(at_rest) <= coarse.most_idle() * 10);
        }
    }
}
