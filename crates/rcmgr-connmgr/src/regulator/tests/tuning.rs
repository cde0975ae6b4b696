//! Settings that change while connections are open.

use super::*;
use crate::{ShareError, round::Hold};

fn tuning(soft: u32, low: u32) -> Tuning {
    Tuning::from(&settings(soft, low))
}

fn retune(node: &Node, tuning: Tuning) -> Result<(), ShareError> {
    node.regulator.retune(node.now, &Limits::default(), &tuning)
}

#[test]
fn a_lower_share_is_kept_at_once_and_a_higher_one_too() {
    let node = Node::new(100, 90);
    (1..=8).for_each(|id| node.open_with_tag(id, 100 * id as i64));
    assert_eq!(node.gone(), NOBODY);
    assert_eq!(retune(&node, tuning(7, 6)), Ok(()));
    assert_eq!((node.regulator.share().soft(), node.regulator.share().low()), (7, 6));
    assert_eq!(node.gone(), [1, 2]);
    assert_eq!(retune(&node, tuning(50, 40)), Ok(()));
    (11..=40).for_each(|id| node.open(id));
    assert_eq!(node.gone(), NOBODY);
    // Other limits that come later have the new settings.
    let mut limits = Limits::default();
    limits.system.connections = rcmgr_core::Limit::new(45);
    let refused = node.regulator.limits_changed(node.now, &limits);
    assert!(matches!(refused, Err(ShareError::SoftTooHigh { soft: 50, .. })), "{refused:?}");
}

#[test]
fn what_contradicts_itself_changes_nothing() {
    let node = Node::new(10, 8);
    let wrong = Tuning { grace: seconds(9), ..tuning(10, 11) };
    assert_eq!(retune(&node, wrong), Err(ShareError::LowAboveSoft { low: 11, soft: 10 }));
    assert_eq!((node.regulator.share().soft(), node.regulator.share().low()), (10, 8));
    assert_eq!(node.regulator.grace.get(), Duration::ZERO);
}

#[test]
fn grace_is_counted_from_when_a_connection_was_opened() {
    let mut node = Node::new(10, 8);
    node.open(1);
    node.later(5);
    let hold = |node: &Node| {
        let explained = node.regulator.explain(node.now, &peer(1));
        explained.connections.first().map(|connection| connection.hold)
    };
    assert_eq!(hold(&node), Some(Hold::Free));
    assert_eq!(retune(&node, Tuning { grace: seconds(6), ..tuning(10, 8) }), Ok(()));
    assert_eq!(hold(&node), Some(Hold::Grace));
    node.later(1);
    assert_eq!(hold(&node), Some(Hold::Free));
    assert_eq!(retune(&node, Tuning { grace: Duration::MAX, ..tuning(10, 8) }), Ok(()));
    assert_eq!(hold(&node), Some(Hold::Grace));
}

#[test]
fn a_shorter_silence_ends_the_one_that_goes_on() {
    let mut node = Node::of(RegulatorSettings {
        rules: crate::trigger::Rules {
            connections: crate::trigger::Rule {
                cooldown: seconds(1000),
                ..crate::trigger::Rules::default().connections
            },
            ..crate::trigger::Rules::default()
        },
        ..settings(4, 4)
    });
    (1..=5).for_each(|id| node.open_with_tag(id, id as i64));
    assert_eq!(node.gone(), [1]);
    node.open(6);
    node.later(10);
    assert_eq!(node.gone(), NOBODY, "there was a round lately");
    assert_eq!(retune(&node, Tuning { silence: seconds(3), ..tuning(4, 4) }), Ok(()));
    node.later(2);
    assert_eq!(node.gone(), NOBODY);
    node.later(1);
    assert_eq!(node.gone().len(), 1);
}
