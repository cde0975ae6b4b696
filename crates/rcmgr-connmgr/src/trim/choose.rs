//! Whom a trim closes: a pure function over rows.

use crate::{
    Watermarks,
    trim::{Order, Row},
};

/// Why a trim closes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Idle {
    /// A mark is 0.
    Disabled,
    /// There are no more connections than the low mark.
    BelowLow,
    /// Fewer connections than the low mark may go: the others are protected or within their grace
    /// period.
    TooFewCandidates,
}

/// How many connections a regular trim closes of those that may go, out of `connections`.
///
/// The low mark counts only those that may go: protected peers, and those within their grace
/// period, stay beside it. So it is in go-libp2p.
///
/// # Errors
/// None are closed, and why.
pub fn target(marks: Watermarks, connections: u64, may_go: u64) -> Result<u64, Idle> {
    if marks.is_off() {
        Err(Idle::Disabled)
    } else if connections <= marks.low() {
        Err(Idle::BelowLow)
    } else {
        may_go.checked_sub(marks.low()).ok_or(Idle::TooFewCandidates)
    }
}

/// Orders rows so that those which go come first, and says how many do: as many as it takes to
/// close `target` connections. All connections of a peer go together, so up to one less than the
/// last has may go beyond.
pub fn choose(rows: &mut [Row], order: Order, target: u64) -> usize {
    rows.sort_unstable_by(|one, other| order.compare(one, other));
    let mut left = target;
    let going = rows.iter().take_while(|row| {
        let goes = left > 0;
        left = left.saturating_sub(row.connections.into());
        goes
    });
    going.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(score: i64, connections: u32) -> Row {
        Row {
            score,
            since: 0,
            tie: 0,
            key: 0,
            streams: 1,
            connections,
            inbound: false,
            protected: false,
        }
    }

    #[test]
    fn all_connections_of_the_last_peer_go_even_beyond_the_target() {
        let mut rows = [row(3, 1), row(1, 2), row(2, 5)];
        assert_eq!(choose(&mut rows, Order::Regular, 3), 2);
        assert_eq!(rows.map(|row| row.score), [1, 2, 3]);
        assert_eq!(choose(&mut rows, Order::Regular, 2), 1);
        assert_eq!(choose(&mut rows, Order::Regular, 0), 0);
        assert_eq!(choose(&mut rows, Order::Regular, 99), 3);
    }

    #[test]
    fn peers_without_connections_go_first_and_count_nothing() {
        let mut rows = [row(-5, 1), row(7, 0), row(8, 0)];
        assert_eq!(choose(&mut rows, Order::Regular, 1), 3);
        assert_eq!(rows[0].connections, 0);
    }

    #[test]
    fn a_trim_says_why_it_closes_nothing() {
        let marks = Watermarks::new(4, 6).unwrap();
        assert_eq!(target(Watermarks::off(), 9, 9), Err(Idle::Disabled));
        assert_eq!(target(marks, 4, 4), Err(Idle::BelowLow));
        assert_eq!(target(marks, 9, 3), Err(Idle::TooFewCandidates));
        assert_eq!(target(marks, 9, 4), Ok(0));
        assert_eq!(target(marks, 9, 8), Ok(4));
    }
}
