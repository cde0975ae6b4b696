//! Ever new peers: each connection finishes its handshake with a key that was never seen, and stays.

use libp2p::identity::Keypair;

use super::{Attacker, one_each::each_address, wire::Wire};

pub async fn run(attacker: &Attacker, rate: f64) {
    each_address(attacker, rate, |from| {
        let target = attacker.target.clone();
        async move {
            let keypair = Keypair::generate_ed25519();
            if let Ok(wire) = Wire::dial(&target, from, &keypair).await {
                wire.closed().await;
            }
        }
    })
    .await;
}
