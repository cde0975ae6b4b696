//! Whose locks are revoked: connections that matter least to those who have locked them.

use std::collections::{BTreeMap, BTreeSet};

use super::moment::Moment;
use super::request::LockPriority;

/// A connection: the key of its cell, and its epoch in there.
pub type Rank = (u32, u16);

/// A lock, as a revocation sees it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub connection: Rank,
    pub priority: LockPriority,
    /// Its protocol uses more than its quota.
    pub over_quota: bool,
    pub granted: Moment,
    pub revoking: bool,
}

/// What the locks of one connection come to. To revoke some of them would free nothing, so the one
/// that matters most speaks for all. In the order in which connections are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Claim {
    /// None of them is being revoked.
    untouched: bool,
    /// The highest.
    priority: LockPriority,
    /// Some protocol is within its quota.
    within_quota: bool,
    /// When the youngest was granted.
    granted: Moment,
    connection: Rank,
    held: usize,
}

/// The connections of which all locks that are held are to be revoked, so that so many are free in the
/// end; one whose locks are all being revoked counts.
pub fn choose(rows: &[Row], connections: usize) -> BTreeSet<Rank> {
    let mut claims = BTreeMap::<Rank, Claim>::new();
    for row in rows {
        let claim = claims.entry(row.connection).or_insert(Claim {
            untouched: true,
            priority: row.priority,
            within_quota: false,
            granted: row.granted,
            connection: row.connection,
            held: 0,
        });
        claim.untouched &= !row.revoking;
        claim.priority = claim.priority.max(row.priority);
        claim.within_quota |= !row.over_quota;
        claim.granted = claim.granted.max(row.granted);
        claim.held += usize::from(!row.revoking);
    }
    let under_way = claims.values().filter(|claim| claim.held == 0).count();
    let mut claims: Vec<Claim> = claims.into_values().filter(|claim| claim.held > 0).collect();
    claims.sort_unstable();
    let chosen = claims.iter().take(connections.saturating_sub(under_way));
    chosen.map(|claim| claim.connection).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use LockPriority::{High, Low, Normal};

    fn row(key: u32, priority: LockPriority, granted: u64) -> Row {
        let granted = Moment(granted);
        Row { connection: (key, 1), priority, over_quota: false, granted, revoking: false }
    }

    fn keys(rows: &[Row], connections: usize) -> Vec<u32> {
        choose(rows, connections).into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn the_lowest_priority_goes_first_then_who_is_over_quota_then_the_oldest() {
        let rows = [
            row(1, High, 0),
            row(2, Normal, 1),
            Row { over_quota: true, ..row(3, Normal, 9) },
            row(4, Low, 9),
            row(5, Normal, 2),
        ];
        assert_eq!(keys(&rows, 1), [4]);
        assert_eq!(keys(&rows, 2), [3, 4]);
        assert_eq!(keys(&rows, 3), [2, 3, 4]);
        assert_eq!(keys(&rows, 4), [2, 3, 4, 5]);
        assert_eq!(keys(&rows, 99), [1, 2, 3, 4, 5]);
        assert_eq!(keys(&rows, 0), [0; 0]);
    }

    #[test]
    fn the_lock_that_matters_most_speaks_for_its_connection() {
        let over = Row { over_quota: true, ..row(1, Low, 0) };
        assert_eq!(keys(&[over, row(1, High, 0), row(2, Normal, 9)], 1), [2]);
        assert_eq!(keys(&[over, row(1, Low, 0), row(2, Low, 0)], 1), [1], "not all are over");
        assert_eq!(keys(&[row(1, Low, 0), row(1, Low, 5), row(2, Low, 3)], 1), [2]);
    }

    #[test]
    fn what_is_being_revoked_counts_and_what_was_missed_goes_first() {
        let revoking = Row { revoking: true, ..row(1, High, 0) };
        assert_eq!(keys(&[revoking, row(2, Low, 0)], 1), [0; 0]);
        assert_eq!(keys(&[revoking, row(1, High, 7), row(2, Low, 0)], 1), [1]);
    }
}
