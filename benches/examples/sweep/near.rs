//! Refusals of what there would be room for, with each granule, near a limit.

use rcmgr_benches::engine::Engine;
use rcmgr_benches::keys::scatter;
use rcmgr_benches::stream::{AMPLE, Room};
use rcmgr_core::{Granule, Limit, Priority, Reservation, Resource, ResourceManager};

use crate::contest::{Scale, Table};
use crate::granules::{GRANULES, granule, heads};

const STREAMS: usize = 1_000;
const STEPS: u64 = 200_000;
const SIZES: [u64; 3] = [512, 4 << 10, 64 << 10];

/// The limit of the system, in hundredths of the most that is in use with a limit that nothing meets.
const LIMITS: [u64; 6] = [100, 110, 150, 200, 400, 1600];

/// How the steps went.
#[derive(Debug, Default)]
struct Walk {
    /// Reservations that exact counts admit.
    fit: u64,
    /// Those of them that were refused.
    refused: u64,
    /// The most that was in use.
    peak: u64,
}

/// Lets streams reserve and release, in an order without a pattern: the same each time, on one thread.
fn walk(granule: Granule, limit: u64, steps: u64) -> Walk {
    let mut limits = Engine::limits(Room::Ample);
    limits.system = limits.system.with(Resource::Memory, Limit::new(limit));
    let manager = ResourceManager::builder().limits(limits).granule(granule).build();
    let stream = |_| Engine::stream(&manager).expect("there is room");
    let streams: Vec<_> = (0..STREAMS).map(stream).collect();
    let mut held: Vec<Option<(Reservation<'_>, u64)>> = streams.iter().map(|_| None).collect();
    let (mut walk, mut used) = (Walk::default(), 0);
    for step in 0..steps {
        let random = scatter(step);
        let at = random as usize % STREAMS;
        if let Some((reservation, bytes)) = held[at].take() {
            drop(reservation);
            used -= bytes;
            continue;
        }
        let bytes = SIZES[(random >> 32) as usize % SIZES.len()];
        let fits = used + bytes <= limit;
        walk.fit += u64::from(fits);
        match streams[at].reserve_memory(bytes, Priority::ALWAYS) {
            Ok(reservation) => {
                used += bytes;
                held[at] = Some((reservation, bytes));
            }
            Err(_) => walk.refused += u64::from(fits),
        }
        walk.peak = walk.peak.max(used);
    }
    walk
}

/// What part of the reservations that fit is refused.
pub fn tables(scale: Scale) -> Vec<(&'static str, String)> {
    let steps = scale.count(STEPS);
    let peak = walk(Granule::EXACT, AMPLE, steps).peak;
    let heads = heads();
    let mut table = Table::new(&["limit"], &heads.each_ref().map(String::as_str));
    for percent in LIMITS {
        let part = |bytes: u64| {
            let Walk { fit, refused, .. } = walk(granule(bytes), peak * percent / 100, steps);
            match refused {
                0 => "none".into(),
                _ => format!("{:.3} %", 100.0 * refused as f64 / fit as f64),
            }
        };
        table.row(&[&format!("{:.1} times the peak", percent as f64 / 100.0)], &GRANULES.map(part));
    }
    vec![("near", table.text())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_counts_refuse_nothing_that_fits() {
        let free = walk(Granule::EXACT, AMPLE, 5_000);
        let tight = walk(Granule::EXACT, free.peak, 5_000);
        assert_eq!((tight.refused, tight.fit, tight.peak), (0, free.fit, free.peak));
        let half = walk(Granule::EXACT, free.peak / 2, 5_000);
        assert!(half.refused == 0 && half.peak <= free.peak / 2);
    }
}
