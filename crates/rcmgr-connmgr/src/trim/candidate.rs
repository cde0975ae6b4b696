//! One peer as a trim sees it, and which of two goes first.

use std::cmp::Ordering;

/// What a trim knows of a peer. Plain data of 48 bytes, copied out of wherever peers are kept: the
/// choice is made without any lock, and over one slice however many tables there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The sum of its tags.
    pub score: i64,
    /// When it was first seen, in nanoseconds since the start.
    pub since: u64,
    /// A keyed hash of its identifier.
    pub tie: u64,
    /// Where the caller finds it again.
    pub key: u64,
    /// Its open streams, of all connections: a sum that no number of them makes overflow.
    pub streams: u64,
    /// Its open connections; none where it only has tags.
    pub connections: u32,
    /// Whether any connection is inbound.
    pub inbound: bool,
    /// Whether it is protected.
    pub protected: bool,
}

const _: () = assert!(size_of::<Row>() == 48);

/// The order in which peers go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Of two alike, the one with fewer streams: less is lost.
    Regular,
    /// Of two alike, the one with more streams: more memory is won. Protected peers go last.
    Forced,
}

impl Order {
    /// Compares by what go-libp2p compares by (`SortByValueAndStreams`): peers without a
    /// connection, lower score, no streams, an inbound connection, fewer streams. Peers that are
    /// equal by this are a matter of chance there.
    pub fn by_worth(self, one: &Row, other: &Row) -> Ordering {
        let protected = match self {
            Order::Regular => Ordering::Equal,
            Order::Forced => one.protected.cmp(&other.protected),
        };
        let streams = one.streams.cmp(&other.streams);
        protected
            .then((one.connections != 0).cmp(&(other.connections != 0)))
            .then(one.score.cmp(&other.score))
            .then((one.streams != 0).cmp(&(other.streams != 0)))
            .then(other.inbound.cmp(&one.inbound))
            .then(match self {
                Order::Regular => streams,
                Order::Forced => streams.reverse(),
            })
    }

    /// As [`Order::by_worth`], and of two that are equal the younger peer first: who comes in
    /// numbers displaces its like, not who was there. Then the keyed hash decides.
    pub fn compare(self, one: &Row, other: &Row) -> Ordering {
        self.by_worth(one, other)
            .then(other.since.cmp(&one.since))
            .then(one.tie.cmp(&other.tie))
            .then(one.key.cmp(&other.key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: Row = Row {
        score: 0,
        since: 0,
        tie: 0,
        key: 0,
        streams: 1,
        connections: 1,
        inbound: false,
        protected: false,
    };

    fn goes_first(order: Order, one: Row, other: Row) {
        assert_eq!(order.compare(&one, &other), Ordering::Less);
        assert_eq!(order.compare(&other, &one), Ordering::Greater);
    }

    #[test]
    fn each_key_decides_only_where_those_before_it_are_equal() {
        let temporary = Row { connections: 0, streams: 0, score: 9, ..ROW };
        goes_first(Order::Regular, temporary, ROW);
        goes_first(Order::Regular, Row { score: -1, streams: 9, ..ROW }, Row { streams: 0, ..ROW });
        goes_first(Order::Regular, Row { streams: 0, ..ROW }, Row { inbound: true, ..ROW });
        goes_first(Order::Regular, Row { inbound: true, streams: 9, ..ROW }, ROW);
        goes_first(Order::Regular, ROW, Row { streams: 2, since: 5, ..ROW });
        goes_first(Order::Regular, Row { since: 5, tie: 9, ..ROW }, ROW);
        goes_first(Order::Regular, ROW, Row { tie: 1, ..ROW });
    }

    #[test]
    fn a_forced_trim_takes_more_streams_first_and_protected_peers_last() {
        goes_first(Order::Forced, Row { streams: 2, ..ROW }, ROW);
        goes_first(Order::Forced, Row { streams: 0, ..ROW }, Row { streams: 2, ..ROW });
        goes_first(Order::Forced, Row { score: 9, ..ROW }, Row { protected: true, ..ROW });
    }
}
