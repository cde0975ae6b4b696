//! Keys of peers and addresses, as remote parties have them.

use std::net::Ipv4Addr;

use crate::{Peers, Scenario, Setup};

/// As long as the peer ids of ed25519 keys in libp2p.
pub const KEY_LENGTH: usize = 38;

/// The key of a peer.
pub type Key = [u8; KEY_LENGTH];

/// The key of the peer of a number: the header of an ed25519 peer id, and what looks like 32 random
/// bytes. Different numbers have different keys.
pub fn peer(number: u64) -> Key {
    const HEADER: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];
    let mut key = [0; KEY_LENGTH];
    key[..HEADER.len()].copy_from_slice(&HEADER);
    for (at, word) in key[HEADER.len()..].chunks_exact_mut(8).enumerate() {
        word.copy_from_slice(&scatter(number.wrapping_add((at as u64) << 56)).to_le_bytes());
    }
    key
}

/// The address of a number below 2^24; neighbours are far apart, none is a loopback address.
pub fn address(number: u32) -> Ipv4Addr {
    // An odd factor maps 24 bits one to one.
    Ipv4Addr::from(0x0a00_0000 | (number.wrapping_mul(0x9e37_79b1) & 0x00ff_ffff))
}

/// Maps numbers one to one on numbers without a pattern: the finalizer of SplitMix64 (Steele, Lea
/// and Flood 2014).
pub const fn scatter(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Which of some peers each operation is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// One after the other, and again.
    InTurn(u64),
    /// Any of so many, without a pattern.
    Scattered(u64),
    /// One that was never there, each time.
    New,
}

impl Order {
    /// The one that a scenario asks for.
    pub const fn of(setup: &Setup) -> Self {
        match setup.scenario {
            Scenario::Stream10kPeers | Scenario::Stats10k => Order::InTurn(setup.count(10_000)),
            Scenario::Stream1kPeers => Order::Scattered(1_000),
            Scenario::Stream1mPeers => Order::Scattered(setup.count(1_000_000)),
            Scenario::StreamNewPeer => Order::New,
            Scenario::Stats1m => Order::InTurn(setup.count(1_000_000)),
            _ => Order::InTurn(1),
        }
    }
}

/// Where the peers of one thread begin, if they are not those of another.
const APART: u64 = 1 << 40;

/// The numbers of the peers of one thread's operations.
#[derive(Clone, Debug)]
pub struct Numbers {
    order: Order,
    /// Where the thread's peers begin.
    first: u64,
    made: u64,
}

impl Numbers {
    /// Those of a thread whose peers begin at some number.
    pub const fn new(order: Order, first: u64) -> Self {
        Numbers { order, first, made: 0 }
    }

    /// Those that a scenario asks for, of one of its threads.
    pub const fn of_thread(setup: &Setup, thread: u64) -> Self {
        let order = Order::of(setup);
        let first = match (setup.peers, order) {
            // What nobody has seen, no other thread has either.
            (Peers::Distinct, _) | (_, Order::New) => thread * APART,
            (Peers::Shared, _) => 0,
        };
        Numbers::new(order, first)
    }

    /// In which order they come.
    pub const fn order(&self) -> Order {
        self.order
    }

    /// The least of them.
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// How many peers are known before it begins.
    pub const fn known(&self) -> u64 {
        match self.order {
            Order::InTurn(peers) | Order::Scattered(peers) => peers,
            Order::New => 0,
        }
    }
}

impl Iterator for Numbers {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let number = match self.order {
            Order::InTurn(peers) => self.made % peers,
            Order::Scattered(peers) => scatter(self.made) % peers,
            Order::New => self.made,
        };
        self.made += 1;
        Some(self.first + number)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_and_addresses_differ() {
        assert_eq!((0..10_000).map(peer).collect::<HashSet<_>>().len(), 10_000);
        assert_eq!((0..10_000).map(address).collect::<HashSet<_>>().len(), 10_000);
    }

    #[test]
    fn numbers_come_in_their_order() {
        let first = |order, count| Numbers::new(order, 10).take(count).collect::<Vec<_>>();
        assert_eq!(first(Order::InTurn(2), 5), [10, 11, 10, 11, 10]);
        assert_eq!(first(Order::New, 3), [10, 11, 12]);
        let scattered: HashSet<_> = first(Order::Scattered(4), 100).into_iter().collect();
        assert_eq!(scattered, (10..14).collect());
    }

    #[test]
    fn threads_share_peers_unless_these_are_distinct_or_new() {
        let first = |scenario, peers| {
            let setup = Setup { scenario, threads: 2, peers, small: false };
            Numbers::of_thread(&setup, 1).first()
        };
        assert_eq!(first(Scenario::Stream10kPeers, Peers::Shared), 0);
        assert_eq!(first(Scenario::Stream10kPeers, Peers::Distinct), APART);
        assert_eq!(first(Scenario::StreamNewPeer, Peers::Shared), APART);
    }
}
