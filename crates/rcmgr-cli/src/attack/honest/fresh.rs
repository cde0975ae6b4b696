//! A client that connects, asks once, and goes.

use tokio::time::timeout_at;

use super::Due;
use crate::{
    attack::{addresses, sockets},
    demo::{
        client::{Client, Target},
        honest::Tally,
        stack::{self, Party},
        work::Answer,
    },
};

/// So many such clients take turns, each with an address and an identity of its own.
const CLIENTS: u64 = 1024;
/// They come after those that keep their connection.
const FIRST: u16 = 1024;

/// Asks over a connection of its own. The time that it takes to connect is in the latency.
pub async fn ask(due: Due, target: Target, seed: u64, tally: &Tally) {
    let index = FIRST + (due.number / super::FRESH_EVERY % CLIENTS) as u16;
    let party = Party::Honest(index);
    let keypair = party.keypair(seed);
    let sockets = sockets::From(addresses::honest(index.into()));
    let Ok(transport) = stack::transport_over(sockets, &keypair) else {
        return tally.lost(1);
    };
    let mut client = Client::over(transport, &keypair, target, party.rng(seed));
    match timeout_at(due.deadline(), serve(&mut client, &due)).await {
        Ok(true) => due.answered(tally),
        Ok(false) | Err(_) => tally.lost(1),
    }
}

/// Whether the request was served.
async fn serve(client: &mut Client, due: &Due) -> bool {
    while !client.is_connected() {
        client.next().await;
    }
    let sent = client.send(due.work());
    loop {
        match client.next().await {
            Some((id, answer)) if id == sent => {
                return answer == Some(Answer::Done { id: due.number });
            }
            Some(_) | None => {}
        }
    }
}
