//! Proposals of protocols that nobody has, each name only once: many streams that each propose some
//! and stay open.

use std::{
    io,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use super::{Attacker, pace::Pace, wire::Wire};
use crate::demo::multistream;

pub const CONNECTIONS: u32 = 8;

/// Names that one stream proposes.
pub const NAMES: u32 = 16;
/// Streams that stay open; the oldest is reset for another.
const STREAMS: usize = 128;

/// Names that were proposed so far, by all connections.
static NEXT: AtomicU64 = AtomicU64::new(0);

pub async fn run(attacker: Attacker, mut wire: Wire, mut pace: Pace) -> io::Result<()> {
    wire.listen();
    let mut names = 0;
    let mut open = std::collections::VecDeque::with_capacity(STREAMS);
    loop {
        // What is left of a stream is made up for later.
        names += pace.due().await;
        let streams = names / NAMES;
        names %= NAMES;
        for _ in 0..streams {
            if open.len() == STREAMS
                && let Some(oldest) = open.pop_front()
            {
                wire.reset(oldest);
            }
            let mut bytes = Vec::new();
            multistream::line(&mut bytes, multistream::HEADER);
            for _ in 0..NAMES {
                let number = NEXT.fetch_add(1, Relaxed);
                multistream::line(&mut bytes, &format!("/spray/{number}/1.0.0"));
            }
            open.push_back(wire.open(&bytes));
        }
        wire.send().await?;
        attacker.tried(u64::from(streams) * u64::from(NAMES));
    }
}
