//! Connections that ended bursts left behind, closed where room is not short either.

use std::{collections::BTreeSet, time::Duration};

use super::{Regulator, rounds::Order, unpoisoned};
use crate::{
    round::{Aim, Hold, Mode},
    trigger::{Cause, Causes},
};

/// How often it is looked for them: a round looks at all connections, and some have to stay.
const EVERY: Duration = Duration::from_secs(5);

impl Regulator {
    /// Closes what bursts left behind long enough ago, if [the
    /// settings](crate::burst::BurstSettings::linger) ask for that and no protocol would have fewer
    /// than its minimum.
    pub(super) fn close_lingering(&self, now: Duration) {
        if self.next_lingering().is_none_or(|due| due > now) {
            return;
        }
        *unpoisoned(&self.lingering) = now.saturating_add(EVERY);
        let lingering: BTreeSet<_> = unpoisoned(&self.bursts).lingering(now).collect();
        let aim = Aim::Room(u32::try_from(lingering.len()).unwrap_or(u32::MAX));
        let causes = Causes::NONE.with(Cause::Periodic);
        let turn = unpoisoned(&self.round);
        // Rows are said to be locked that are not.
        let may_take_back = false;
        let order = Order { aim, mode: Mode::Batch, newcomer: None, causes, may_take_back };
        self.make_among(&turn, now, order, |id, row| {
            if row.residue.is_none() || !lingering.contains(&id) {
                row.hold = Hold::Locked;
            }
        });
    }

    /// When to look for them next.
    pub(super) fn next_lingering(&self) -> Option<Duration> {
        let next = unpoisoned(&self.bursts).next_lingering()?;
        Some(next.max(*unpoisoned(&self.lingering)))
    }
}
