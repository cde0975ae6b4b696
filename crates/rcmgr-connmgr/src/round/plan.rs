//! What a round is to do, and within what it has to stay.

use std::time::Duration;

use super::{Short, worth::Crowding};
use crate::{
    Score,
    quota::{Quota, Slot, Slots},
};

/// How far a round may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// One in, one out, as connections are asked for.
    Flux,
    /// Down to a number, in good time.
    #[default]
    Batch,
    /// What keeps the node alive: without a limit to how many are closed at once, and if it has to be
    /// beyond grace, shields and minima, and in the end beyond protection; never beyond locks.
    Emergency,
}

impl Mode {
    /// All of them, the least first.
    pub const ALL: [Mode; 3] = [Mode::Flux, Mode::Batch, Mode::Emergency];

    /// A stable name, for metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Mode::Flux => "flux",
            Mode::Batch => "batch",
            Mode::Emergency => "emergency",
        }
    }
}

/// What a round is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// Leave so many connections, and, outside an emergency, those beside them that are new: grace
    /// keeps few, see [`Policy::grace`].
    Leave(u32),
    /// Close so many.
    Room(u32),
    /// Bring these protocols down to their maxima, by their own connections only. An emergency does
    /// so without a limit to how many are closed at once, and otherwise by the same rules.
    Offenders(Slots),
}

/// A connection that room is made for. It takes the place of those only that are worth less by
/// [`Policy::margin`], so that connecting by itself moves nothing.
///
/// It is taken for one that nobody had use of yet, and pays for its network being crowded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Newcomer {
    /// What is known in its favour, such as the tags of its peer.
    pub tally: Score,
    /// Its network, as in [`Candidate::network`](super::Candidate::network).
    pub network: u32,
    /// What there is no room for: only connections that free some of it go.
    pub short: Short,
}

/// How many a round leaves where many were of use lately: to close these would bring as many redials.
///
/// Those of use within 16 minutes count that pay for no crowded network, no more of a protocol than it
/// may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// No more than this.
    pub most: u32,
    /// So many others beside them: who is new has not been of use, and takes some time to be.
    pub beside: u32,
}

impl Stretch {
    /// No more than the aim says.
    pub const NONE: Stretch = Stretch { most: 0, beside: 0 };
}

/// A round: what for, when, and by which rules.
///
/// ```
/// use std::time::Duration;
/// use rcmgr_connmgr::{
///     quota::{Quota, Slot},
///     round::{Aim, Mode, Plan},
/// };
///
/// let now = Duration::from_secs(90);
/// let plan = Plan { mode: Mode::Batch, seed: 0x5eed, ..Plan::new(now, Aim::Leave(800)) };
/// let dht = Slot::new(3).ok_or("no slot")?;
/// let plan = plan.with(dht, Quota { min: 20, max: 200 });
/// assert_eq!(plan.allotted(dht).max, 200);
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The time.
    pub now: Duration,
    /// What for.
    pub aim: Aim,
    /// How far.
    pub mode: Mode,
    /// Within what a round that is to [leave](Aim::Leave) some leaves more; none. Not heeded in an
    /// emergency.
    pub stretch: Stretch,
    /// For whom room is made; not heeded in an emergency.
    pub newcomer: Option<Newcomer>,
    /// The rules.
    pub policy: Policy,
    /// Decides between rows that nothing else tells apart, and which networks are kept; a secret
    /// random number, always the same, so that no remote can choose to be of those that stay.
    pub seed: u64,
    /// What each protocol was granted, by its slot.
    pub allotted: [Quota; 64],
}

impl Plan {
    /// A batch by the default rules, without quotas.
    pub fn new(now: Duration, aim: Aim) -> Plan {
        Plan {
            now,
            aim,
            mode: Mode::Batch,
            stretch: Stretch::NONE,
            newcomer: None,
            policy: Policy::default(),
            seed: 0,
            allotted: [Quota::ANY; 64],
        }
    }

    /// The same where a protocol was granted that much.
    #[must_use]
    pub fn with(mut self, slot: Slot, allotted: Quota) -> Plan {
        self.allotted[slot.index()] = allotted;
        self
    }

    /// What a protocol was granted.
    pub fn allotted(&self, slot: Slot) -> Quota {
        self.allotted[slot.index()]
    }
}

/// The rules of rounds. Shares are in basis points; one above 10 000 is the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Who is kept whatever it is worth.
    pub shields: Shields,
    /// What it costs to come from a network that many others are from.
    pub crowding: Crowding,
    /// The share of all connections that one round may close; 2500, and always one. Not heeded in an
    /// emergency.
    pub close: u16,
    /// The share of all connections that [`Hold::Grace`](super::Hold::Grace) keeps; 500, and always
    /// 4. Where there are more, those worth least are not kept, and none is that pays for its crowded
    /// network: a flood of new connections is not to outlast all old ones by being new.
    pub grace: u16,
    /// Of those that may go, so many are left; 0. Not heeded in an emergency.
    pub keep: u32,
    /// By how many points a newcomer has to be worth more than whom it displaces; 50.
    pub margin: u16,
    /// From when on a connection that nobody uses, and nothing speaks for, goes before all others;
    /// 10 min.
    pub idle_after: Duration,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            shields: Shields::default(),
            crowding: Crowding::default(),
            close: 2500,
            grace: 500,
            keep: 0,
            margin: 50,
            idle_after: Duration::from_secs(600),
        }
    }
}

/// Connections that a round spares for what is hard to forge about them, so that whoever games the
/// scores still does not get all places. After Bitcoin Core's `SelectNodeToEvict`.
///
/// None of them is residue of a burst, or worth less to its protocols than one that none of them
/// uses. Of the places for speed, use and service at most a quarter go to one network.
///
/// A round always leaves as many unshielded as it may close. So a flood of new connections, whatever
/// their scores, displaces itself; and a round that is to close nearly all shields nearly nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shields {
    /// The share of those that may go that is shielded at most, in basis points; 7500. What the axes
    /// below do not take of it, each up to a quarter and outbound connections up to half, goes to
    /// those that have been of use for longest, unless a round is about offenders.
    pub share: u16,
    /// Networks of which the best connection is kept, if none of theirs is locked or protected; a
    /// hash says which networks; 16.
    pub networks: u32,
    /// Connections with the shortest round trips; 8.
    pub fastest: u32,
    /// Connections that last were of use to each of the four busiest protocols; 4 each.
    pub useful: u32,
    /// The share of all connections that is kept of outbound ones, in basis points; 3333, as geth
    /// keeps a third of its peers for those that it dials (`DialRatio`): no remote can bring it about
    /// that this side dials it. Idle ones are not kept for that.
    pub outbound: u16,
}

impl Default for Shields {
    fn default() -> Shields {
        Shields { share: 7500, networks: 16, fastest: 8, useful: 4, outbound: 3333 }
    }
}

impl Shields {
    /// Nobody is shielded.
    pub const NONE: Shields = Shields { share: 0, networks: 0, fastest: 0, useful: 0, outbound: 0 };
}
