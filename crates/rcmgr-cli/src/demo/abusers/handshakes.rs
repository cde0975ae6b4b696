//! Unfinished handshakes: connections that never say a word.
//!
//! They come in waves. A flood without a pause would hold every place that the transient scope
//! has, and shut out whoever connects meanwhile; only a rule by address can help against that.

use std::time::Duration;

use futures::future::join_all;
use tokio::{io::AsyncReadExt as _, net::TcpStream, time::sleep};

use super::Abuser;
use crate::demo::limits::TRANSIENT_CONNECTIONS;

/// Connections in a wave.
const WAVE: u32 = 2 * TRANSIENT_CONNECTIONS;
/// The pause before a wave, in which others can connect.
const PAUSE: Duration = Duration::from_millis(750);

pub async fn run(abuser: &Abuser) {
    loop {
        sleep(PAUSE).await;
        join_all((0..WAVE).map(|_| stay_silent(abuser))).await;
    }
}

/// Connects and waits until the node gives up.
async fn stay_silent(abuser: &Abuser) {
    abuser.tried();
    let Ok(mut connection) = TcpStream::connect(abuser.target.socket).await else { return };
    let mut ignored = [0; 64];
    while matches!(connection.read(&mut ignored).await, Ok(1..)) {}
}
