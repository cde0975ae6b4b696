//! Who manages the connections of a node.

mod random;
mod tagged;
mod unmanaged;
mod version1;
mod version2;

use super::algorithm::{Algorithm, Marks};
use random::Random;
use unmanaged::Unmanaged;
use version1::{Ties, Version1};
use version2::{Use, Version2};

/// How many connections the node may have in every world.
const HARD: u32 = 500;

/// Above 80 percent of the hard limit somebody has to go, down to 90 percent of that: what version 2
/// derives from the limit.
pub const MARKS: Marks = Marks { hard: HARD, high: 400, low: 360 };

/// The same high mark, and a low one in the proportion of go-libp2p's defaults, 160 and 192.
const GO_MARKS: Marks = Marks { low: 400 * 160 / 192, ..MARKS };

/// An algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Manages {
    /// The hard limit refuses; nobody decides.
    Nobody,
    /// Any go.
    Random,
    /// Version 1 as go-libp2p has it: its marks in proportion, chance between equals.
    Go,
    /// Version 1 as it is here, between the marks of version 2.
    Version1,
    /// Version 2, told as much as version 1 is: tags and protection.
    Tags,
    /// Version 2 with protocols enrolled.
    Version2,
}

impl Manages {
    /// All of them, in the order of tables.
    pub const ALL: [Manages; 6] = [
        Manages::Nobody,
        Manages::Random,
        Manages::Go,
        Manages::Version1,
        Manages::Tags,
        Manages::Version2,
    ];

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Manages::Nobody => "limit only",
            Manages::Random => "random",
            Manages::Go => "go-libp2p",
            Manages::Version1 => "v1",
            Manages::Tags => "v2, tags",
            Manages::Version2 => "v2",
        }
    }

    /// Makes one.
    pub fn make(self, seed: u64) -> Box<dyn Algorithm> {
        const MADE: &str = "the marks are in order";
        match self {
            Manages::Nobody => Box::new(Unmanaged),
            Manages::Random => Box::new(Random::new(MARKS, seed)),
            Manages::Go => Box::new(Version1::new(GO_MARKS, Ties::Chance, seed).expect(MADE)),
            Manages::Version1 => Box::new(Version1::new(MARKS, Ties::Younger, seed).expect(MADE)),
            Manages::Tags => Box::new(Version2::new(MARKS, Use::Tags, seed).expect(MADE)),
            Manages::Version2 => Box::new(Version2::new(MARKS, Use::Enrolled, seed).expect(MADE)),
        }
    }
}
