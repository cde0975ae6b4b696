//! A client that keeps its connection.

use std::{
    collections::{HashMap, VecDeque},
    future::pending,
    io,
    sync::Arc,
};

use libp2p::request_response::OutboundRequestId;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::Due;
use crate::{
    attack::{addresses, sockets},
    demo::{
        client::{Client, Outcome, Target},
        honest::Tally,
        stack::{self, Party},
        work::Answer,
    },
};

/// The client with what it is asked.
pub struct Regular {
    client: Client,
    tally: Arc<Tally>,
    /// Requests that wait for the connection, the oldest first.
    waiting: VecDeque<Due>,
    in_flight: HashMap<OutboundRequestId, Due>,
}

impl Regular {
    /// # Errors
    /// The identity does not suit the handshake.
    pub fn new(target: Target, index: u16, seed: u64, tally: Arc<Tally>) -> io::Result<Regular> {
        let party = Party::Honest(index);
        let keypair = party.keypair(seed);
        let sockets = sockets::From(addresses::honest(index.into()));
        let transport = stack::transport_over(sockets, &keypair)?;
        let client = Client::over(transport, &keypair, target, party.rng(seed));
        Ok(Regular { client, tally, waiting: VecDeque::new(), in_flight: HashMap::new() })
    }

    /// Waits for the connection.
    pub async fn connect(mut self) -> Regular {
        while !self.client.is_connected() {
            self.client.next().await;
        }
        self
    }

    /// Sends requests as they are due, until there are no more and all have their outcome.
    pub async fn run(mut self, mut requests: mpsc::UnboundedReceiver<Due>) {
        let mut open = true;
        while open || !self.in_flight.is_empty() || !self.waiting.is_empty() {
            let deadline = self.deadline();
            tokio::select! {
                outcome = self.client.next() => self.on_outcome(outcome),
                due = requests.recv(), if open => match due {
                    Some(due) => {
                        self.waiting.push_back(due);
                        self.send_waiting();
                    }
                    None => open = false,
                },
                () = expire(deadline) => self.give_up(),
            }
        }
    }

    /// When the first of all requests fails, once there are no more to come.
    fn deadline(&self) -> Option<Instant> {
        let in_flight = self.in_flight.values().map(Due::deadline).min();
        let waiting = self.waiting.front().map(Due::deadline);
        in_flight.into_iter().chain(waiting).min()
    }

    fn send_waiting(&mut self) {
        while self.client.is_connected() {
            let Some(due) = self.waiting.pop_front() else { return };
            let id = self.client.send(due.work());
            self.in_flight.insert(id, due);
        }
    }

    fn on_outcome(&mut self, outcome: Option<Outcome>) {
        let Some((id, answer)) = outcome else {
            self.send_waiting();
            return;
        };
        // Given up before it was answered.
        let Some(due) = self.in_flight.remove(&id) else { return };
        match answer {
            Some(Answer::Done { id }) if id == due.number => due.answered(&self.tally),
            _ => self.tally.lost(1),
        }
    }

    /// What is too late has failed.
    fn give_up(&mut self) {
        let now = Instant::now();
        let before = self.in_flight.len() + self.waiting.len();
        self.in_flight.retain(|_, due| due.deadline() > now);
        self.waiting.retain(|due| due.deadline() > now);
        self.tally.lost(before - self.in_flight.len() - self.waiting.len());
    }
}

async fn expire(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}
