//! How many connections a round closes.

use super::{Aim, Fate, Mode, Plan, Spared, Unmet, usage::Usage, worth::share};
use crate::quota::Slots;

/// How many connections a round closes at most, and what that is short of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    /// Those that nothing holds.
    pub candidates: u32,
    pub wanted: u32,
    pub close: u32,
    /// Wanted beyond what one round may close.
    budget: u32,
    /// Wanted of those that have to be left.
    keep: u32,
}

impl Allowance {
    /// From the fates of all rows before any is shielded, and how many of them were of use lately.
    pub fn new(plan: &Plan, fates: &[Fate], usage: &Usage, of_use: u32) -> Allowance {
        let live = fates.len() as u32;
        let count = |of: Fate| fates.iter().filter(|fate| **fate == of).count() as u32;
        let candidates = count(Fate::Open);
        let emergency = plan.mode == Mode::Emergency;
        let wanted = match plan.aim {
            Aim::Leave(target) if emergency => live.saturating_sub(target),
            Aim::Leave(target) => {
                let stretched = of_use.saturating_add(plan.stretch.beside).min(plan.stretch.most);
                let above = |target| {
                    live.saturating_sub(target).saturating_sub(count(Fate::Stays(Spared::Grace)))
                };
                // What protocols have beyond their maxima is no reason to leave more.
                above(target.max(stretched)).max(above(target).min(usage.excess(Slots::ALL)))
            }
            Aim::Room(more) => more,
            Aim::Offenders(slots) => usage.excess(slots),
        };
        if emergency {
            return Allowance { candidates, wanted, close: wanted, budget: 0, keep: 0 };
        }
        let budgeted = wanted.min(share(live, plan.policy.close).max(1));
        let possible = budgeted.min(candidates);
        let close = possible.min(candidates.saturating_sub(plan.policy.keep));
        let (budget, keep) = (wanted - budgeted, possible - close);
        Allowance { candidates, wanted, close, budget, keep }
    }

    /// Why fewer than wanted went.
    pub fn unmet(&self, closed: u32) -> Unmet {
        let Allowance { budget, keep, .. } = *self;
        let missed = self.wanted.saturating_sub(closed);
        Unmet { budget, keep, exhausted: missed.saturating_sub(budget.saturating_add(keep)) }
    }
}
