//! The scenarios: what a node has to do with, and for how long.

use std::time::Duration;

use super::{
    attack::{Arrivals, Attack, Conduct},
    kind::Kind,
};

/// What honest peers want of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// How many of a kind there are, in percent of what is [usual](Kind::usual): passers-by.
    pub passers: u32,
    /// The same of all other kinds.
    pub others: u32,
    /// How many of a hundred come from one and the same network.
    pub together: u32,
}

impl Demand {
    /// The usual demand.
    pub const USUAL: Demand = Demand { passers: 100, others: 100, together: 0 };

    /// How many of a kind there are at a time, on average.
    pub fn of(self, kind: Kind) -> f64 {
        let percent = if kind == Kind::Passer { self.passers } else { self.others };
        f64::from(kind.usual()) * f64::from(percent) / 100.0
    }
}

/// A world: who comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Its name in tables.
    pub name: &'static str,
    /// What is asked, in a line of the table.
    pub what: &'static str,
    /// The honest peers.
    pub demand: Demand,
    /// The attackers.
    pub attack: Option<Attack>,
}

/// For how long worlds are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// From when on what happens counts. Attacks begin then.
    pub from: Duration,
    /// The end.
    pub to: Duration,
}

impl Span {
    /// A day, after six hours that do not count.
    pub const FULL: Span =
        Span { from: Duration::from_secs(6 * 3600), to: Duration::from_secs(30 * 3600) };
    /// What a test has time for.
    pub const QUICK: Span = Span { from: Duration::from_secs(180), to: Duration::from_secs(900) };
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// All scenarios, in the order of the table.
pub fn all(span: Span) -> Vec<Scenario> {
    let usual = Demand::USUAL;
    let calm = |name, what, demand| Scenario { name, what, demand, attack: None };
    let under = |name, what, attack| Scenario { name, what, demand: usual, attack: Some(attack) };
    let (idle, at_once) = (Conduct::Idle, Arrivals::Each(Duration::from_millis(200)));
    let flood =
        Attack { from: span.from, arrivals: at_once, most: 2000, networks: 1, conduct: idle };
    let mimics = Attack {
        arrivals: Arrivals::Each(seconds(2)),
        most: 600,
        networks: 300,
        conduct: Conduct::Earn(seconds(20)),
        ..flood
    };
    vec![
        calm("calm", "no attack", usual),
        calm("rush", "four times as many passers-by", Demand { passers: 400, ..usual }),
        calm(
            "too small",
            "1.6 times as many useful peers: more than there is room for",
            Demand { others: 160, ..usual },
        ),
        calm(
            "one cloud",
            "60 % of honest peers are of one network",
            Demand { together: 60, ..usual },
        ),
        under("flood, one network", "idle sybils, 5 a second, from one /16", flood),
        under("flood, many networks", "the same from 1,000", Attack { networks: 1000, ..flood }),
        under(
            "bursts",
            "400 at once each 5 minutes, gone after 55 s: within grace; from 300 networks",
            Attack {
                arrivals: Arrivals::Waves { every: seconds(300), stay: seconds(55) },
                most: 400,
                networks: 300,
                ..flood
            },
        ),
        under(
            "queries",
            "600 that ask the routing table something each 20 s, from 300 networks",
            Attack { conduct: Conduct::Query(seconds(20)), ..mimics },
        ),
        under(
            "requests",
            "600 that ask the application something each 20 s, as its honest peers do",
            Attack { conduct: Conduct::Request(seconds(20)), ..mimics },
        ),
        under(
            "resting mimics",
            "600 that earn the best tags within 3 minutes, then rest, from 300 networks",
            Attack { conduct: Conduct::EarnThenRest(seconds(180)), ..mimics },
        ),
        under(
            "mimics, few networks",
            "600 that earn the best tags at all times, from 8 networks",
            Attack { networks: 8, ..mimics },
        ),
        under("mimics", "the same from 300 networks", mimics),
        under(
            "mimics first",
            "the same, there from the first second on",
            Attack {
                from: Duration::ZERO,
                arrivals: Arrivals::Each(Duration::from_millis(100)),
                ..mimics
            },
        ),
        under(
            "keepers",
            "600 of a protocol whose application keeps whoever speaks it, from 300 networks",
            Attack { conduct: Conduct::Keep, ..mimics },
        ),
        under(
            "slow eclipse",
            "400 that serve as peers of the routing table do, one a minute, from 60 networks",
            Attack {
                arrivals: Arrivals::Each(seconds(60)),
                most: 400,
                networks: 60,
                conduct: Conduct::Serve(seconds(300)),
                ..mimics
            },
        ),
    ]
}
