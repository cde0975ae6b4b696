//! What to do when an exchange fails.

use std::sync::atomic::AtomicU64;

use crossbeam_utils::{Backoff, CachePadded};
use rcmgr_benches::machine::cores;

use crate::contest::{Scale, Table};
use crate::words::{Hint, No, Words, works};

type Padded = CachePadded<AtomicU64>;

/// Times by threads, which share six of seven words.
pub fn tables(scale: Scale) -> Vec<(&'static str, String)> {
    let mut table = Table::new(&["threads"], &["none", "`spin_loop`", "`Backoff::spin`"]);
    let mut all_threads = vec![1, 2, cores()];
    all_threads.sort_unstable();
    all_threads.dedup();
    for threads in all_threads {
        let ns = scale.contest([
            works::<Padded, No>(threads, Words::Shared),
            works::<Padded, Hint>(threads, Words::Shared),
            works::<Padded, Backoff>(threads, Words::Shared),
        ]);
        table.contest(&[&threads.to_string()], &ns);
    }
    vec![("backoff", table.text())]
}
