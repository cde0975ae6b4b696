//! Chance decides: as often as go-libp2p's connection manager looks, and between the same marks.

use std::time::Duration;

use rcmgr_connmgr::ConnectionId;

use crate::simulation::{
    algorithm::{Algorithm, Connection, Marks, News},
    chance::Chance,
};

const LOOKS: Duration = Duration::from_secs(10);

/// Closes any connections.
#[derive(Debug)]
pub struct Random {
    marks: Marks,
    chance: Chance,
    open: Vec<ConnectionId>,
    next: Duration,
}

impl Random {
    /// Between these marks.
    pub fn new(marks: Marks, seed: u64) -> Random {
        Random { marks, chance: Chance::new(seed), open: Vec::new(), next: LOOKS }
    }
}

impl Algorithm for Random {
    fn tell(&mut self, _: Duration, connection: &Connection, news: News) {
        match news {
            News::Opened => self.open.push(connection.id),
            News::Closed => self.open.retain(|open| *open != connection.id),
            _ => {}
        }
    }

    fn poll(&mut self, now: Duration) -> Vec<ConnectionId> {
        if now < self.next {
            return Vec::new();
        }
        self.next = now + LOOKS;
        if self.open.len() < self.marks.high as usize {
            return Vec::new();
        }
        let mut left = self.open.clone();
        let many = left.len().saturating_sub(self.marks.low as usize);
        let drawn =
            (0..many).map(|_| left.swap_remove(self.chance.below(left.len() as u64) as usize));
        drawn.collect()
    }
}
