//! When each cause asks for a round.

use std::time::Duration;

use super::cause::Cause;

/// When a cause begins and ends to ask, by a number in basis points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// It begins to ask where the number is at least this. Not 0.
    pub enter: u32,
    /// It asks on while the number is at least this: no more than `enter`.
    pub exit: u32,
    /// It begins only where the number was at `enter` for so long.
    pub dwell: Duration,
    /// It asks only once in this time.
    pub cooldown: Duration,
}

impl Rule {
    const fn new(enter: u32, exit: u32, dwell: u64, cooldown: u64) -> Rule {
        let (dwell, cooldown) = (Duration::from_secs(dwell), Duration::from_secs(cooldown));
        Rule { enter, exit, dwell, cooldown }
    }

    fn check(self, cause: Cause) -> Result<(), RuleError> {
        match self {
            Rule { enter: 0, .. } => Err(RuleError::Always { cause: cause.name() }),
            Rule { enter, exit, .. } if exit > enter => {
                Err(RuleError::Exit { cause: cause.name(), enter, exit })
            }
            _ => Ok(()),
        }
    }
}

/// When rounds are made, and how far those go that pressure asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The connections by the share, rounded up; from 10 001 (one more than the share) to 9501, at
    /// once, every 10 s.
    pub connections: Rule,
    /// The rate of new connections by what it used to be, with more connections than the low mark;
    /// from 40 000 (four times) to 38 000, at once, every 30 s.
    pub spike: Rule,
    /// The pressure of failed dials; from 8500 to 8000, at once, every 60 s.
    pub dials: Rule,
    /// The pressure on descriptors; from 8000 to 7500 after 1 s, every 5 s.
    pub descriptors: Rule,
    /// The pressure on memory; from 8500 to 8000 after 1 s, every 5 s.
    pub memory: Rule,
    /// The pressure of stalls; from 8500 to 8000 after 1 s, every 5 s.
    pub stalls: Rule,
    /// The connections of the worst protocol by its maximum; from 12 500 to 10 001, at once, every
    /// 10 s.
    pub quota: Rule,
    /// How often at least it is time to look; 60 s. Not zero.
    pub every: Duration,
    /// How often at most room is made for a connection that was refused; 100 ms. A round looks at all
    /// connections, and remotes can be refused as often as they like.
    pub room: Duration,
    /// For how long a spike keeps new connections waiting; 1 s.
    pub pause: Duration,
    /// The part that one emergency closes at least, in basis points; 2500.
    pub emergency: u16,
    /// No emergency leaves fewer connections; 16.
    pub least: u32,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            connections: Rule::new(10_001, 9501, 0, 10),
            spike: Rule::new(40_000, 38_000, 0, 30),
            dials: Rule::new(8500, 8000, 0, 60),
            descriptors: Rule::new(8000, 7500, 1, 5),
            memory: Rule::new(8500, 8000, 1, 5),
            stalls: Rule::new(8500, 8000, 1, 5),
            quota: Rule::new(12_500, 10_001, 0, 10),
            every: Duration::from_secs(60),
            room: Duration::from_millis(100),
            pause: Duration::from_secs(1),
            emergency: 2500,
            least: 16,
        }
    }
}

impl Rules {
    /// The causes that go by a number, each with its rule.
    pub(super) const fn by_number(&self) -> [(Cause, Rule); 7] {
        [
            (Cause::Connections, self.connections),
            (Cause::Spike, self.spike),
            (Cause::Dials, self.dials),
            (Cause::Descriptors, self.descriptors),
            (Cause::Memory, self.memory),
            (Cause::Stalls, self.stalls),
            (Cause::Quota, self.quota),
        ]
    }

    /// Whether they make sense.
    ///
    /// # Errors
    /// The first rule that contradicts itself.
    pub fn check(&self) -> Result<(), RuleError> {
        self.by_number().into_iter().try_for_each(|(cause, rule)| rule.check(cause))?;
        if self.every.is_zero() { Err(RuleError::NoPeriod) } else { Ok(()) }
    }
}

/// Rules of rounds that contradict themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// It would ask at all times.
    #[error("rounds for {cause} begin at 0; give the number from which on there is too much")]
    Always {
        /// The cause.
        cause: &'static str,
    },
    /// It would end before it begins.
    #[error("rounds for {cause} begin at {enter} and end below {exit}; let them end no higher")]
    Exit {
        /// The cause.
        cause: &'static str,
        /// Where it begins.
        enter: u32,
        /// Where it ends.
        exit: u32,
    },
    /// Periodic rounds without end.
    #[error("the time between periodic rounds is zero; give it a length, such as 60 s")]
    NoPeriod,
}
