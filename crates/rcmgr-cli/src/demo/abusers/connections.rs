//! A connection flood: one identity that dials over and over and keeps whatever it gets.

use std::{io, ops::Range, time::Duration};

use futures::future::join_all;
use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
use tokio::time::sleep;

use super::{Abuser, raw::Connection};
use crate::demo::{
    limits::PEER_CONNECTIONS,
    stack::{self, Transport},
};

/// Connections that it wants at once.
const WANTED: u32 = 4 * PEER_CONNECTIONS;
/// The pause before a refused connection is dialled again. Each dial costs both ends a
/// handshake, and in this program both are the same machine.
const PAUSE_MS: Range<u64> = 100..200;

pub async fn run(abuser: &Abuser) -> io::Result<()> {
    let party = abuser.kind.party();
    let keypair = party.keypair(abuser.seed);
    let mut rng = party.rng(abuser.seed);
    let dialers: Vec<_> = (0..WANTED)
        .map(|_| Ok(dial_again(abuser, stack::transport(&keypair)?, rng.fork())))
        .collect::<io::Result<_>>()?;
    join_all(dialers).await;
    Ok(())
}

/// Wants one connection, for ever.
async fn dial_again(abuser: &Abuser, mut transport: Transport, mut rng: SmallRng) {
    loop {
        sleep(Duration::from_millis(rng.random_range(PAUSE_MS))).await;
        abuser.tried();
        if let Ok(mut connection) = Connection::dial(&mut transport, abuser.target.address()).await
        {
            connection.closed().await;
        }
    }
}
