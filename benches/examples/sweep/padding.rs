//! How far words lie from one another.

use std::sync::atomic::AtomicU64;

use crossbeam_utils::CachePadded;

use crate::contest::{Scale, Table};
use crate::words::{Line, No, Words, works};

/// Times by threads, and by what they have in common.
pub fn tables(scale: Scale) -> Vec<(&'static str, String)> {
    let mut table = Table::new(&["threads", "words"], &["packed", "64 bytes", "128 bytes"]);
    let setups = [
        (1, "seven", Words::Shared),
        (2, "six shared", Words::Shared),
        (2, "distinct", Words::Distinct),
    ];
    for (threads, name, words) in setups {
        let ns = scale.contest([
            works::<AtomicU64, No>(threads, words),
            works::<Line, No>(threads, words),
            works::<CachePadded<AtomicU64>, No>(threads, words),
        ]);
        table.contest(&[&threads.to_string(), name], &ns);
    }
    vec![("padding", table.text())]
}
