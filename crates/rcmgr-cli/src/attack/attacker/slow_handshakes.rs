//! Connections whose handshake goes on by a byte now and then, until the node loses its patience.

use std::time::Duration;

use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::sleep};

use super::{Attacker, one_each::each_connection};
use crate::demo::multistream;

const PAUSE: Duration = Duration::from_millis(250);

pub async fn run(attacker: &Attacker, rate: f64) {
    each_connection(attacker, rate, drip).await;
}

async fn drip(mut socket: TcpStream) {
    for byte in multistream::proposal("/noise") {
        if socket.write_all(&[byte]).await.is_err() {
            return;
        }
        sleep(PAUSE).await;
    }
}
