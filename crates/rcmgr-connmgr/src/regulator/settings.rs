//! How a regulator behaves.

use std::{num::NonZeroUsize, time::Duration};

use crate::{
    Settings, ShareSettings,
    burst::BurstSettings,
    round::Policy,
    scoring::{ScorerSettings, Voices},
    sense::{AimdRules, SenseRules},
    trigger::Rules,
};

/// Where scorers are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scoring {
    /// On threads of their own, where one that hangs harms nobody: for a node.
    Threaded(ScorerSettings),
    /// In [`Regulator::poll`](crate::Regulator::poll), about at most so many streams at a time: for
    /// tests and simulations, where the same calls are to have the same results. A scorer must not
    /// call the regulator.
    Inline(NonZeroUsize),
}

/// Settings of a [`Regulator`](crate::Regulator).
#[derive(Clone, Debug)]
pub struct RegulatorSettings {
    /// Tags, grace, bounds and the seed. The marks are not heeded: [the share](crate::Share) has its
    /// own, and no trims of version 1 are made. Grace is that of each connection.
    pub manager: Settings,
    /// How the share follows from the limits.
    pub share: ShareSettings,
    /// The rules of rounds.
    pub policy: Policy,
    /// When rounds are made.
    pub rules: Rules,
    /// How the environment is sensed.
    pub sense: SenseRules,
    /// How the share shrinks and recovers.
    pub aimd: AimdRules,
    /// How many bursts there may be.
    pub bursts: BurstSettings,
    /// Connections of one peer that are locked at a time; 2.
    pub locks_per_peer: u32,
    /// Where scorers are called.
    pub scoring: Scoring,
    /// The weight of tags beside the scores of protocols; 100.
    pub tags_weight: u16,
    /// How many points of a score a point of a peer's tags is; 10. The applications of go-libp2p give a
    /// good peer some tens of points (its routing table 5, gossip up to 15 for deliveries, bitswap up to
    /// 24), and scores go up to 1000. Set it to 1 if tags are set with the scale of scores in mind.
    pub tag_point: u16,
    /// For how long a connection counts for a protocol after it was last [of use](crate::Regulator::used)
    /// to it, with no stream of it open; 16 min, give or take one. Protocols that open a stream for
    /// each request have none in between.
    pub attached_for: Duration,
    /// Streams of one connection that are told apart; 1024. More are counted, and nothing speaks
    /// for them.
    pub streams_per_connection: usize,
    /// Decisions that are kept for [explanations](crate::Regulator::explain); 1024.
    pub decisions: usize,
    /// Events that are kept until somebody takes them; 256.
    pub events: usize,
    /// After how long a decision to close is handed out once more, if the connection is still open;
    /// 10 s. Not zero.
    pub again: Duration,
    /// A clock by which rounds are timed, for the record only; none: it says 0.
    pub stopwatch: Option<fn() -> Duration>,
}

impl Default for RegulatorSettings {
    fn default() -> RegulatorSettings {
        RegulatorSettings {
            manager: Settings::default(),
            share: ShareSettings::default(),
            policy: Policy::default(),
            rules: Rules::default(),
            sense: SenseRules::default(),
            aimd: AimdRules::default(),
            bursts: BurstSettings::default(),
            locks_per_peer: 2,
            scoring: Scoring::Threaded(ScorerSettings::default()),
            tags_weight: Voices::TAGS,
            tag_point: 10,
            attached_for: Duration::from_secs(16 * 60),
            streams_per_connection: 1 << 10,
            decisions: 1 << 10,
            events: 256,
            again: Duration::from_secs(10),
            stopwatch: None,
        }
    }
}
