//! A memory hog: requests that need far more memory than its peer may use, several at once.

use std::{io, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use super::Abuser;
use crate::demo::{client::Client, work::Work};

const REQUESTS_AT_ONCE: usize = 8;
const MEMORY: u64 = 1 << 20;
const HOLD_MS: u64 = 500;
/// The time between two requests, while fewer than [`REQUESTS_AT_ONCE`] wait for their answer.
const PAUSE: Duration = Duration::from_millis(20);

pub async fn run(abuser: &Abuser) -> io::Result<()> {
    let mut client = Client::new(abuser.target.clone(), abuser.kind.party(), abuser.seed)?;
    let mut tick = interval(PAUSE);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut waiting = 0;
    let mut id = 0;
    loop {
        tokio::select! {
            outcome = client.next() => waiting -= usize::from(outcome.is_some()),
            _ = tick.tick() => {
                if client.is_connected() && waiting < REQUESTS_AT_ONCE {
                    abuser.tried();
                    client.send(Work { id, memory: MEMORY, hold_ms: HOLD_MS });
                    id += 1;
                    waiting += 1;
                }
            }
        }
    }
}
