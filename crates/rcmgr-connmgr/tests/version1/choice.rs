//! What holds of every trim.

use std::collections::BTreeSet;

use crate::node::{Node, closed, peer, seconds, settings};
use proptest::{collection::vec, prelude::*};
use rcmgr_connmgr::{
    Direction, Settings, Watermarks,
    trim::{Idle, Order, Row, choose, target},
};

fn order() -> impl Strategy<Value = Order> {
    prop::sample::select(vec![Order::Regular, Order::Forced])
}

/// Rows of few different values, so that many are equal but for their key.
fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (-2i64..3, 0u64..2, 0u64..2, 0u64..3, 0u32..4, any::<bool>(), any::<bool>());
    let rows = vec(row, 0..40);
    rows.prop_map(|rows| {
        let rows = rows.into_iter().enumerate();
        rows.map(|(key, (score, since, tie, streams, connections, inbound, protected))| Row {
            score,
            since,
            tie,
            key: key as u64,
            streams,
            connections,
            inbound,
            protected,
        })
        .collect()
    })
}

fn connections(rows: &[Row]) -> u64 {
    rows.iter().map(|row| u64::from(row.connections)).sum()
}

/// A peer of a node: its connections, its tag, whether it is protected, when it came.
type Known = (u32, i64, bool, u64);

fn node(settings: Settings, known: &[Known]) -> Node {
    let mut node = Node::with(settings);
    let mut id = 0;
    let mut known: Vec<_> = known.iter().enumerate().collect();
    known.sort_by_key(|(_, (.., since))| *since);
    for (at, &(connections, value, protected, since)) in known {
        let name = format!("p{at}");
        node.tag(since, &name, "v", value);
        for _ in 0..connections {
            node.open(since, &name, id, Direction::Inbound, 1);
            id += 1;
        }
        if protected {
            node.protect(&name, "x");
        }
    }
    node
}

fn known() -> impl Strategy<Value = Vec<Known>> {
    vec((0u32..4, -3i64..4, any::<bool>(), 0u64..20), 0..40)
}

proptest! {
    #[test]
    fn the_target_is_reached_where_it_can_be_and_passed_by_less_than_the_last_peer_has(
        mut rows in rows(),
        order in order(),
        target in 0u64..80,
    ) {
        let all = connections(&rows);
        let going = choose(&mut rows, order, target);
        let (going, staying) = rows.split_at(going);
        let closed = connections(going);
        if target == 0 {
            prop_assert!(going.is_empty());
        } else if let Some(last) = going.last().filter(|_| closed >= target) {
            prop_assert!(closed - target < u64::from(last.connections));
        } else {
            prop_assert_eq!(closed, all, "all are taken, and are not enough");
            prop_assert!(staying.is_empty());
        }
        for (gone, stayed) in going.iter().flat_map(|gone| staying.iter().map(move |stayed| (gone, stayed))) {
            prop_assert!(order.by_worth(gone, stayed).is_le());
        }
    }

    #[test]
    fn the_choice_is_the_same_in_whatever_order_the_rows_come(
        (rows, shuffled) in rows().prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
        order in order(),
        target in 0u64..80,
    ) {
        let (mut rows, mut shuffled) = (rows, shuffled);
        let going = choose(&mut rows, order, target);
        prop_assert_eq!(choose(&mut shuffled, order, target), going);
        prop_assert_eq!(rows, shuffled);
    }

    #[test]
    fn two_rows_are_equal_in_an_order_only_if_they_are_one(rows in rows(), order in order()) {
        for one in &rows {
            for other in &rows {
                let compared = order.compare(one, other);
                prop_assert_eq!(compared, order.compare(other, one).reverse());
                prop_assert_eq!(compared.is_eq(), one.key == other.key);
            }
        }
    }

    #[test]
    fn a_target_leaves_the_low_mark_of_those_that_may_go(
        low in any::<u64>(),
        high in any::<u64>(),
        connections in any::<u64>(),
        may_go in any::<u64>(),
    ) {
        let Ok(marks) = Watermarks::new(low, high) else {
            prop_assert!(low > high && high > 0);
            return Ok(());
        };
        match target(marks, connections, may_go.min(connections)) {
            Ok(target) => prop_assert_eq!(may_go.min(connections) - target, low),
            Err(Idle::Disabled) => prop_assert!(low == 0 || high == 0),
            Err(Idle::BelowLow) => prop_assert!(connections <= low),
            Err(_) => prop_assert!(may_go < low),
        }
    }

    #[test]
    fn a_regular_trim_takes_no_protected_peer_and_none_in_its_grace_period(
        known in known(),
        low in 1u64..20,
        grace in 0u64..20,
    ) {
        let settings = Settings { grace: seconds(grace), ..settings(low, low) };
        let mut node = node(settings, &known);
        let now = 20;
        let may_go = |&&(_, _, protected, since): &&Known| !protected && since + grace <= now;
        let candidates: u64 = known.iter().filter(may_go).map(|one| u64::from(one.0)).sum();
        let report = node.trim(now);
        let taken: BTreeSet<_> =
            report.close.iter().map(|close| close.peer.clone()).chain(report.dropped).collect();
        for (at, one) in known.iter().enumerate() {
            let taken = taken.contains(&peer(&format!("p{at}")));
            prop_assert!(may_go(&one) || !taken);
        }
        if report.idle.is_none() {
            prop_assert!(candidates - report.close.len() as u64 <= low);
        } else {
            prop_assert!(taken.is_empty());
        }
    }

    #[test]
    fn a_forced_trim_reaches_the_low_mark_and_takes_the_protected_last(
        known in known(),
        low in 1u64..20,
    ) {
        let mut node = node(Settings { grace: seconds(99), ..settings(low, low) }, &known);
        let before = node.count();
        let report = node.force_trim(20);
        prop_assert!(before.saturating_sub(report.close.len() as u64) <= low);
        let mut once = closed(&report);
        once.sort_unstable();
        once.dedup();
        prop_assert_eq!(once.len(), report.close.len(), "each is closed once");
        let protected = report.close.iter().map(|close| node.0.is_protected(&close.peer, None));
        prop_assert!(protected.is_sorted());
        if report.close.iter().any(|close| node.0.is_protected(&close.peer, None)) {
            let all = known.iter().filter(|one| !one.2).map(|one| one.0 as usize).sum::<usize>();
            let unprotected =
                report.close.iter().filter(|close| !node.0.is_protected(&close.peer, None));
            prop_assert_eq!(unprotected.count(), all);
        }
    }

    #[test]
    fn the_same_state_and_seed_give_the_same_trim(known in known(), seed in any::<u64>()) {
        let settings = Settings { seed: Some(seed), ..settings(3, 9) };
        let trims = [0, 1].map(|_| node(settings.clone(), &known).trim(20));
        prop_assert_eq!(&trims[0], &trims[1]);
    }

    #[test]
    fn the_background_trim_comes_at_the_high_mark_and_only_there(
        known in known(),
        low in 1u64..20,
        more in 0u64..20,
    ) {
        let mut node = node(Settings { silence: seconds(30), ..settings(low, low + more) }, &known);
        let count = node.count();
        prop_assert_eq!(node.poll(30).len(), usize::from(count >= low + more));
    }
}
