//! Whom a newcomer may displace.

use super::{Candidate, Mode, Plan, Worth, uncrowded, worth::staleness};

/// The most that a connection may be worth that goes for the newcomer of a plan. Nothing bounds it
/// where there is no newcomer, or in an emergency.
///
/// In its network a newcomer comes after all that cannot go or are worth as much.
pub(super) fn most_for_newcomer(rows: &[Candidate], plan: &Plan) -> Option<i16> {
    let newcomer = plan.newcomer.filter(|_| plan.mode != Mode::Emergency)?;
    let staleness = staleness(plan.now, None);
    let worth = Worth { tally: newcomer.tally, staleness, crowding: 0 };
    let goes_before = |row: &&Candidate| {
        row.network == newcomer.network && (!row.may_go() || uncrowded(row, plan) >= worth.total())
    };
    let place = rows.iter().filter(goes_before).count() as u32 + 1;
    let crowding = plan.policy.crowding;
    let crowding = crowding.cost(place, crowding.free_of(rows.len() as u32));
    let worth = Worth { crowding, ..worth }.total();
    Some(worth.saturating_sub_unsigned(plan.policy.margin))
}
