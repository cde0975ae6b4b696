//! The attackers: each attack at its rate, for as long as it is let.

mod connection_flood;
mod negotiation_slow_loris;
mod one_each;
mod pace;
mod peer_spray;
mod protocol_spray;
mod rapid_reset;
mod slow_handshakes;
mod stalled_streams;
mod wire;

pub use protocol_spray::NAMES;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep},
};

use self::{pace::Pace, wire::Wire};
use super::{
    addresses,
    kind::Attack,
    message::{Answer, Attempted, Order, Place},
    party::{begin, say},
};
use crate::demo::{client::Target, stack::Party};

/// The pause before a connection that was refused or closed is tried again.
const REDIAL: Duration = Duration::from_millis(250);

/// Plays the attackers until the order to tell, which also stops them.
///
/// # Errors
/// The node's place is none.
pub async fn play(
    attack: Attack,
    target: &Place,
    seed: u64,
    mut orders: mpsc::Receiver<Order>,
) -> io::Result<()> {
    let attempts = Arc::new(AtomicU64::new(0));
    let attacker = Attacker { target: target.target()?, seed, attempts: attempts.clone() };
    say(&Answer::Ready)?;
    begin(&mut orders).await?;
    let start = Instant::now();
    tokio::select! {
        () = attacker.run(attack) => {}
        _ = orders.recv() => {}
    }
    let seconds = start.elapsed().as_secs_f64();
    say(&Answer::Attempted(Attempted { attempts: attempts.load(Relaxed), seconds }))?;
    while orders.recv().await.is_some() {}
    Ok(())
}

/// What all attackers of a process share.
#[derive(Clone)]
struct Attacker {
    target: Target,
    seed: u64,
    attempts: Arc<AtomicU64>,
}

impl Attacker {
    async fn run(self, attack: Attack) {
        let rate = f64::from(attack.per_second());
        match attack {
            Attack::ConnectionFlood => connection_flood::run(&self, rate).await,
            Attack::SlowHandshakes => slow_handshakes::run(&self, rate).await,
            Attack::PeerSpray => peer_spray::run(&self, rate).await,
            Attack::RapidReset => {
                self.on_connections(rapid_reset::CONNECTIONS, rate, rapid_reset::run).await;
            }
            Attack::StalledStreams => {
                self.on_connections(stalled_streams::CONNECTIONS, rate, stalled_streams::run).await;
            }
            Attack::ProtocolSpray => {
                self.on_connections(protocol_spray::CONNECTIONS, rate, protocol_spray::run).await;
            }
            Attack::NegotiationSlowLoris => {
                use negotiation_slow_loris::{CONNECTIONS, run};
                self.on_connections(CONNECTIONS, rate, run).await;
            }
        }
    }

    fn tried(&self, attempts: u64) {
        self.attempts.fetch_add(attempts, Relaxed);
    }

    /// Attacks over so many connections, each of a peer and an address of its own, all addresses of
    /// one /24. They share the rate. What is refused or closed is dialled again.
    async fn on_connections<F>(
        self,
        connections: u32,
        rate: f64,
        attack: impl Fn(Attacker, Wire, Pace) -> F + Clone + Send + Sync + 'static,
    ) where
        F: Future<Output = io::Result<()>> + Send,
    {
        let open = Arc::new(AtomicU32::new(0));
        let mut all = JoinSet::new();
        for index in 0..connections {
            let (attacker, attack, open) = (self.clone(), attack.clone(), open.clone());
            all.spawn(async move {
                let keypair = Party::Abuser(index as u16).keypair(attacker.seed);
                loop {
                    let from = addresses::neighbour(index);
                    if let Ok(wire) = Wire::dial(&attacker.target, from, &keypair).await {
                        // However many get in, together they keep to the rate.
                        open.fetch_add(1, Relaxed);
                        let pace = Pace::shared(rate, open.clone());
                        let ended = attack(attacker.clone(), wire, pace).await;
                        open.fetch_sub(1, Relaxed);
                        // That the node hangs up is what it is tried for.
                        drop(ended);
                    }
                    sleep(REDIAL).await;
                }
            });
        }
        all.join_all().await;
    }
}
