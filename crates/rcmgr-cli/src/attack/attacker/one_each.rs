//! Attempts at a rate, each from an address of its own.

use std::{net::Ipv4Addr, sync::Arc};

use tokio::{net::TcpStream, sync::Semaphore, task::JoinSet};

use super::{Attacker, pace::Pace};
use crate::attack::{addresses, sockets};

/// Attempts at once. One that finds no place is not tried, which shows in the rate.
const AT_ONCE: usize = 8000;

/// Makes an attempt from one address after the other.
pub async fn each_address<F>(attacker: &Attacker, rate: f64, attempt: impl Fn(Ipv4Addr) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut attempts = JoinSet::new();
    let mut pace = Pace::alone(rate);
    let mut index = 0;
    loop {
        for _ in 0..pace.due().await {
            let Ok(place) = places.clone().try_acquire_owned() else { break };
            attacker.tried(1);
            index += 1;
            let attempt = attempt(addresses::hostile(index));
            attempts.spawn(async move {
                attempt.await;
                drop(place);
            });
        }
        while attempts.try_join_next().is_some() {}
    }
}

/// Connects from one address after the other, and does something with each connection.
pub async fn each_connection<F>(
    attacker: &Attacker,
    rate: f64,
    abuse: impl Fn(TcpStream) -> F + Clone + Send + 'static,
) where
    F: Future<Output = ()> + Send,
{
    let to = attacker.target.socket;
    each_address(attacker, rate, |from| {
        let abuse = abuse.clone();
        async move {
            if let Ok(socket) = sockets::connect(from, to).await
                && socket.set_zero_linger().is_ok()
            {
                abuse(socket).await;
            }
        }
    })
    .await;
}
