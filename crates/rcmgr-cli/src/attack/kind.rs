//! The attacks, and what is said of each.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{attacker::NAMES, judge::STREAMS};

/// An attack.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attack {
    ConnectionFlood,
    SlowHandshakes,
    RapidReset,
    StalledStreams,
    ProtocolSpray,
    PeerSpray,
    NegotiationSlowLoris,
}

impl Attack {
    pub const ALL: [Attack; 7] = [
        Attack::ConnectionFlood,
        Attack::SlowHandshakes,
        Attack::RapidReset,
        Attack::StalledStreams,
        Attack::ProtocolSpray,
        Attack::PeerSpray,
        Attack::NegotiationSlowLoris,
    ];

    /// Its name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Attack::ConnectionFlood => "connection-flood",
            Attack::SlowHandshakes => "slow-handshakes",
            Attack::RapidReset => "rapid-reset",
            Attack::StalledStreams => "stalled-streams",
            Attack::ProtocolSpray => "protocol-spray",
            Attack::PeerSpray => "peer-spray",
            Attack::NegotiationSlowLoris => "negotiation-slow-loris",
        }
    }

    /// What one attempt is.
    pub const fn unit(self) -> &'static str {
        match self {
            Attack::ConnectionFlood | Attack::SlowHandshakes => "connections",
            Attack::RapidReset | Attack::StalledStreams | Attack::NegotiationSlowLoris => "streams",
            Attack::ProtocolSpray => "names",
            Attack::PeerSpray => "peers",
        }
    }

    /// The streams that so many attempts open, if they open any on purpose.
    pub const fn streams(self, attempts: u64) -> Option<u64> {
        match self {
            Attack::RapidReset | Attack::StalledStreams | Attack::NegotiationSlowLoris => {
                Some(attempts)
            }
            Attack::ProtocolSpray => Some(attempts / NAMES as u64),
            Attack::ConnectionFlood | Attack::SlowHandshakes | Attack::PeerSpray => None,
        }
    }

    /// Attempts a second.
    pub const fn per_second(self) -> u32 {
        match self {
            Attack::ConnectionFlood => 3000,
            Attack::SlowHandshakes => 1000,
            Attack::RapidReset => 40_000,
            Attack::StalledStreams => 800,
            // More than a million in fifteen seconds.
            Attack::ProtocolSpray => 120_000,
            Attack::PeerSpray => 300,
            Attack::NegotiationSlowLoris => 4000,
        }
    }

    /// The kinds of scopes that are meant to refuse it; `rate` for the rates of connections,
    /// [`STREAMS`] for that of streams.
    pub const fn answered_by(self) -> &'static [&'static str] {
        match self {
            Attack::ConnectionFlood | Attack::SlowHandshakes | Attack::PeerSpray => {
                &["rate", "network"]
            }
            Attack::RapidReset => &[STREAMS],
            Attack::StalledStreams | Attack::NegotiationSlowLoris => &["peer"],
            Attack::ProtocolSpray => &[STREAMS],
        }
    }
}

impl fmt::Display for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The attacks of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which {
    All,
    One(Attack),
}

impl Which {
    pub fn attacks(self) -> Vec<Attack> {
        match self {
            Which::All => Attack::ALL.to_vec(),
            Which::One(attack) => vec![attack],
        }
    }
}

impl FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Which, String> {
        if text == "all" {
            return Ok(Which::All);
        }
        let known = Attack::ALL.into_iter().find(|attack| attack.name() == text);
        known.map(Which::One).ok_or_else(|| {
            let names = Attack::ALL.map(Attack::name).join(", ");
            format!("{text:?} is not all or one of {names}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attack_is_found_by_its_name() {
        for attack in Attack::ALL {
            assert_eq!(attack.name().parse(), Ok(Which::One(attack)));
            assert_eq!(serde_json::to_value(attack).unwrap(), attack.name());
        }
        assert_eq!("all".parse(), Ok(Which::All));
        for bad in ["", "none", "All", "rapid-reset,peer-spray"] {
            assert!(bad.parse::<Which>().is_err(), "{bad:?}");
        }
    }
}
