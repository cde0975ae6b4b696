//! The kinds of honest peers: how many there are, for how long they stay, what they exchange.
//!
//! What is known, and from where:
//! - Half of the peers of the IPFS network are gone 2 hours after they came (ProbeLab, RFM 2, *Uptime
//!   and churn*, 2022); few stay for days. So sessions are log-normal, with a median of 2 hours for
//!   peers that are somebody's servers.
//! - Most inbound connections of a node in that network are short and used once or a few times
//!   (Daniel and Tschorsch, *Passively measuring IPFS churn and network size*, 2022).
//! - A routing table of Kademlia has up to 20 peers in each bucket; a network of 20,000 servers fills
//!   some 10 of these. go-libp2p's closes the stream of a query after a minute without one
//!   (`dhtStreamIdleTimeout`).
//! - Gossipsub has a mesh of 6 to 12 peers for each topic, by default, and is connected to more.
//!
//! How often a peer of each kind is used is not measured anywhere that we know of: these are our
//! numbers, and [`Demand`](super::scenario::Demand) varies them.

use std::time::Duration;

use super::{
    algorithm::{Protocol, Tag},
    chance::Chance,
};

/// A kind of honest peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Of the routing table: a query now and then, for hours.
    Table,
    /// Of the mesh of a topic: messages all the time, for hours.
    Mesh,
    /// Of a topic, not of its mesh: a message now and then, for hours.
    Topic,
    /// A transfer: blocks all the time, for half an hour.
    Bulk,
    /// An application's: a request every few minutes, for hours, with no tag.
    Requests,
    /// A client of the routing table: a few queries at once. Then it stays and does nothing.
    Passer,
}

/// How connections of a kind begin again once they were closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// At the next exchange, which fails.
    WhenNeeded,
    /// After a while, and a longer one each time.
    Soon,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 6] =
        [Kind::Table, Kind::Mesh, Kind::Topic, Kind::Bulk, Kind::Requests, Kind::Passer];

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Table => "table",
            Kind::Mesh => "mesh",
            Kind::Topic => "topic",
            Kind::Bulk => "bulk",
            Kind::Requests => "requests",
            Kind::Passer => "passer-by",
        }
    }

    /// How many are there at a time, on average, of a node that may have 500 connections.
    pub const fn usual(self) -> u32 {
        match self {
            Kind::Table => 150,
            Kind::Mesh => 12,
            Kind::Topic => 40,
            Kind::Bulk => 30,
            Kind::Requests => 60,
            Kind::Passer => 170,
        }
    }

    /// The median of how long they stay, and the deviation of its logarithm.
    const fn stay(self) -> (Duration, f64) {
        const HOUR: u64 = 3600;
        match self {
            Kind::Table | Kind::Mesh | Kind::Topic => (Duration::from_secs(2 * HOUR), 1.3),
            Kind::Requests => (Duration::from_secs(4 * HOUR), 1.0),
            Kind::Bulk => (Duration::from_secs(HOUR / 3), 0.8),
            Kind::Passer => (Duration::from_secs(HOUR / 10), 0.8),
        }
    }

    /// How long they stay on average: that of a log-normal distribution.
    pub fn mean_stay(self) -> Duration {
        let (median, deviation) = self.stay();
        median.mul_f64((deviation * deviation / 2.0).exp())
    }

    /// How long one stays.
    pub fn draw_stay(self, chance: &mut Chance) -> Duration {
        let (median, deviation) = self.stay();
        stay(median.mul_f64((deviation * chance.normal()).exp()))
    }

    /// How long one stays on that is there already: of those, more are of the long stays.
    pub fn draw_rest(self, chance: &mut Chance) -> Duration {
        let (median, deviation) = self.stay();
        let whole = median.mul_f64((deviation * deviation + deviation * chance.normal()).exp());
        stay(whole).mul_f64(chance.part()).max(SHORTEST)
    }

    /// The time to the next exchange.
    pub fn draw_pause(self, done: u32, chance: &mut Chance) -> Duration {
        let mean = match self {
            Kind::Table => 300,
            Kind::Mesh => 10,
            Kind::Topic => 60,
            Kind::Bulk => 5,
            Kind::Requests => 180,
            Kind::Passer if done == 0 => 1,
            Kind::Passer => 10,
        };
        chance.wait(Duration::from_secs(mean)).max(Duration::from_millis(1))
    }

    /// How many exchanges a session has at most.
    pub fn draw_exchanges(self, chance: &mut Chance) -> u32 {
        if self == Kind::Passer { 1 + chance.below(3) as u32 } else { u32::MAX }
    }

    /// The bytes of an exchange: 2 KiB of a query, 10 messages of 1 KiB, blocks of 256 KiB.
    pub const fn bytes(self) -> u64 {
        match self {
            Kind::Table | Kind::Passer => 2 << 10,
            Kind::Mesh => 10 << 10,
            Kind::Topic => 1 << 10,
            Kind::Bulk => 1 << 20,
            Kind::Requests => 16 << 10,
        }
    }

    /// By what it exchanges.
    pub const fn protocol(self) -> Protocol {
        match self {
            Kind::Table | Kind::Passer => Protocol::Kad,
            Kind::Mesh | Kind::Topic => Protocol::Gossip,
            Kind::Bulk => Protocol::Bitswap,
            Kind::Requests => Protocol::Requests,
        }
    }

    /// For how long a stream stays open after an exchange; none: as long as the connection.
    pub const fn linger(self) -> Option<Duration> {
        match self {
            Kind::Table | Kind::Passer => Some(Duration::from_secs(60)),
            Kind::Mesh | Kind::Topic | Kind::Bulk => None,
            Kind::Requests => Some(Duration::from_secs(2)),
        }
    }

    /// How many of a hundred this node dials.
    pub const fn outbound(self) -> u32 {
        match self {
            Kind::Table | Kind::Mesh | Kind::Topic => 50,
            Kind::Bulk => 40,
            Kind::Requests => 20,
            Kind::Passer => 0,
        }
    }

    /// What becomes of a connection that was closed before its time.
    pub const fn returns(self) -> Return {
        match self {
            Kind::Table | Kind::Passer => Return::WhenNeeded,
            Kind::Mesh | Kind::Topic | Kind::Bulk | Kind::Requests => Return::Soon,
        }
    }

    /// The tag that its application sets when it connects. go-libp2p's routing table tags with 5
    /// (`baseConnMgrScore`).
    pub const fn tag(self) -> Option<(Tag, i64)> {
        match self {
            Kind::Table => Some((Tag::Bucket, 5)),
            _ => None,
        }
    }

    /// How many of a hundred its application protects: the peers of the two farthest buckets
    /// (`protectedBuckets`), 40 of 150, and the mesh (`tagMeshPeer`).
    pub const fn protected(self) -> u32 {
        match self {
            Kind::Table => 27,
            Kind::Mesh => 100,
            _ => 0,
        }
    }
}

const SHORTEST: Duration = Duration::from_secs(10);

fn stay(drawn: Duration) -> Duration {
    drawn.clamp(SHORTEST, Duration::from_secs(5 * 24 * 3600))
}

/// What the tag of a transfer is after so many exchanges in a row, of 5 s each: two moving averages
/// of whether there was one, sampled each 10 s and each 100 s, with weights of 0.5 and 0.05 (boxo,
/// `bitswap/server/internal/decision/scoreledger.go`). Times 1.25 where the peer gives, 0.75 where it
/// takes; rounded down, so never quite 25 and 15.
pub fn transfer_tag(exchanges: u32, gives: bool) -> i64 {
    let short = 10.0 * (1.0 - 0.5_f64.powi((exchanges / 2) as i32));
    let long = 10.0 * (1.0 - 0.95_f64.powi((exchanges / 20) as i32));
    ((short + long) * if gives { 1.25 } else { 0.75 }) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_of_a_transfer_grows_to_its_bound() {
        assert_eq!(transfer_tag(0, true), 0);
        assert_eq!(transfer_tag(20, true), 13);
        assert_eq!([true, false].map(|gives| transfer_tag(10_000, gives)), [24, 14]);
    }

    #[test]
    fn sessions_last_as_long_as_they_are_said_to() {
        let mut chance = Chance::new(3);
        for kind in Kind::ALL {
            let sum: f64 = (0..20_000).map(|_| kind.draw_stay(&mut chance).as_secs_f64()).sum();
            let ratio = sum / 20_000.0 / kind.mean_stay().as_secs_f64();
            assert!((0.9..1.1).contains(&ratio), "{kind:?}: {ratio}");
        }
    }
}
