//! A stream flood: one connection with many streams, each with a request that never ends.

use std::{io, ops::Range, time::Duration};

use futures::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _, stream::FuturesUnordered};
use libp2p::core::muxing::SubstreamBox;
use rand::RngExt as _;
use tokio::time::sleep;

use super::{Abuser, raw::Connection};
use crate::demo::{limits::PEER_STREAMS, multistream, stack, work::PROTOCOL};

/// Streams that it wants at once.
const WANTED: usize = 2 * PEER_STREAMS as usize;
/// The pause before a connection that was closed is dialled again, and a stream that was reset
/// is opened again.
const PAUSE_MS: Range<u64> = 100..300;

pub async fn run(abuser: &Abuser) -> io::Result<()> {
    let party = abuser.kind.party();
    let mut transport = stack::transport(&party.keypair(abuser.seed))?;
    let mut rng = party.rng(abuser.seed);
    let mut pause = || Duration::from_millis(rng.random_range(PAUSE_MS));
    loop {
        if let Ok(connection) = Connection::dial(&mut transport, abuser.target.address()).await {
            flood(abuser, connection, &mut pause).await;
        }
        sleep(pause()).await;
    }
}

/// Keeps as many streams open as it can, until the connection is closed.
async fn flood(abuser: &Abuser, mut connection: Connection, pause: &mut impl FnMut() -> Duration) {
    let mut open = FuturesUnordered::new();
    loop {
        let wants_more = open.len() < WANTED;
        tokio::select! {
            stream = next_stream(&mut connection, wants_more) => {
                let Some(stream) = stream else { return };
                abuser.tried();
                open.push(never_finish(stream, pause()));
            }
            Some(()) = open.next() => {}
        }
    }
}

/// A new stream if one is wanted; `None` once the connection is closed.
async fn next_stream(connection: &mut Connection, wanted: bool) -> Option<SubstreamBox> {
    if wanted {
        connection.open().await.ok()
    } else {
        connection.closed().await;
        None
    }
}

/// Begins a request and waits until the node gives up; then lets its place rest for a while.
async fn never_finish(mut stream: SubstreamBox, pause: Duration) {
    let begun = async {
        stream.write_all(&beginning()).await?;
        stream.flush().await?;
        let mut ignored = [0; 64];
        while stream.read(&mut ignored).await? > 0 {}
        io::Result::Ok(())
    };
    // Refused or timed out: both are the end of this stream, and the next one is due.
    let _ = begun.await;
    drop(stream);
    sleep(pause).await;
}

/// What a dialer sends that proposes one protocol and does not wait for the answer, and the
/// first byte of a request.
fn beginning() -> Vec<u8> {
    let mut bytes = multistream::proposal(PROTOCOL.as_ref());
    bytes.push(b'{');
    bytes
}
