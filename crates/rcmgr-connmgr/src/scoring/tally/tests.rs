//! Tallies, one rule after another, and against the mean in floating point.

use proptest::{collection::vec, prelude::*};

use super::*;

fn slot(number: u8) -> Slot {
    Slot::new(number).unwrap()
}

fn vote(number: u8, score: i64) -> Vote {
    Vote { slot: slot(number), score: Score::new(score), in_burst: false }
}

fn tally(voices: &Voices, votes: &[Vote], tags: i64) -> i16 {
    voices.tally(votes.iter().copied(), tags).get()
}

#[test]
fn the_best_stream_speaks_for_its_protocol() {
    let voices = Voices::default();
    let one = tally(&voices, &[vote(3, 600)], 0);
    assert_eq!(one, 300);
    assert_eq!(tally(&voices, &[vote(3, -900), vote(3, 600), vote(3, 0)], 0), one);
    assert_eq!(tally(&voices, &[vote(3, 600), vote(3, 600)], 0), one);
}

#[test]
fn protocols_are_heard_by_their_weight() {
    let mut voices = Voices::default();
    voices.set(slot(1), Voice { weight: 800, ..Voice::default() });
    assert_eq!(tally(&voices, &[vote(0, -1000), vote(1, 500)], 0), 300);
    voices.set(slot(1), Voice { weight: 0, ..Voice::default() });
    assert_eq!(tally(&voices, &[vote(0, -1000), vote(1, 500)], 0), -500);
}

#[test]
fn praise_of_a_protocol_above_its_quota_is_discounted_and_blame_is_not() {
    let mut voices = Voices::default();
    voices.set(slot(0), Voice { usage: 40, max: 10, ..Voice::default() });
    assert_eq!(tally(&voices, &[vote(0, 800)], 0), 100);
    assert_eq!(tally(&voices, &[vote(0, -800)], 0), -400);
    voices.set(slot(0), Voice { usage: 10, max: 10, ..Voice::default() });
    assert_eq!(tally(&voices, &[vote(0, 800)], 0), 400);
    voices.set(slot(0), Voice { usage: 10, max: 0, ..Voice::default() });
    assert_eq!(tally(&voices, &[vote(0, 800)], 0), 0);
}

#[test]
fn a_stream_in_an_open_burst_says_nothing_against_its_connection() {
    let enlisted = |score| Vote { in_burst: true, ..vote(0, score) };
    let voices = Voices::default();
    assert_eq!(tally(&voices, &[enlisted(-700)], 0), 0);
    assert_eq!(tally(&voices, &[enlisted(-700), vote(1, -600)], 0), -200);
    assert_eq!(tally(&voices, &[enlisted(700)], 0), 350);
}

#[test]
fn tags_take_part_like_a_protocol_and_within_the_bounds_of_a_score() {
    let voices = Voices::default();
    assert_eq!(tally(&voices, &[vote(0, 100)], 300), 200);
    assert_eq!(tally(&voices, &[vote(0, 0)], i64::MAX), 500);
    assert_eq!(tally(&voices, &[vote(0, 0)], i64::MIN), -500);
}

#[test]
fn a_small_tag_makes_a_good_connection_better_not_worse() {
    let voices = Voices::default();
    let praised = [vote(0, 800)];
    assert!(tally(&voices, &praised, 10) > tally(&voices, &praised, 0));
}

#[test]
fn a_connection_for_which_nobody_speaks_is_worth_less() {
    let mut voices = Voices::default();
    for (tags, worth) in [(0, -200), (1, 1), (-100, -300), (-900, -1000), (i64::MAX, 1000)] {
        assert_eq!(tally(&voices, &[], tags), worth);
    }
    voices.set_tags_weight(0);
    assert_eq!(tally(&voices, &[], 500), -200);
}

#[test]
fn tags_are_brought_to_the_scale_of_scores() {
    let mut voices = Voices::default();
    voices.set_tag_point(10);
    assert_eq!(tally(&voices, &[], 5), 50);
    assert_eq!(tally(&voices, &[vote(0, 100)], -3), 35);
    assert_eq!(tally(&voices, &[], i64::MAX), 1000);
}

#[test]
fn where_nothing_has_weight_a_connection_is_indifferent() {
    let mut voices = Voices::default();
    voices.set_tags_weight(0);
    voices.set(slot(9), Voice { weight: 0, ..Voice::default() });
    assert_eq!(tally(&voices, &[vote(9, 1000)], 1000), 0);
}

#[test]
fn parts_say_what_was_said_and_what_counted() {
    let mut voices = Voices::default();
    voices.set(slot(5), Voice { weight: 50, usage: 3, max: 2 });
    let parts = voices.parts([vote(5, 100), vote(2, 7)], 4);
    let part = |slot, said, counted, weight| TallyPart {
        slot,
        said: Score::new(said),
        counted: Score::new(counted),
        weight,
    };
    let expected =
        [part(Some(slot(2)), 7, 7, 100), part(Some(slot(5)), 100, 66, 50), part(None, 4, 4, 100)];
    assert_eq!(parts, expected);
}

/// The rule in floating point, from the parts of it that the documentation names.
fn oracle(voices: &Voices, votes: &[Vote], tags: i64) -> f64 {
    let tags = tags.clamp(-1000, 1000) as f64;
    if votes.is_empty() {
        let tags = if voices.tags == 0 { 0.0 } else { tags };
        return if tags > 0.0 { tags } else { (tags - 200.0).max(-1000.0) };
    }
    let (mut sum, mut weights) = (f64::from(voices.tags) * tags, f64::from(voices.tags));
    for number in 0..64 {
        let own = votes.iter().filter(|vote| vote.slot.index() == number);
        let floor = |vote: &Vote| if vote.in_burst { 0 } else { -1000 };
        let Some(best) = own.map(|vote| vote.score.get().max(floor(vote))).max() else { continue };
        let Voice { weight, usage, max } = voices.protocols[number];
        let heard = if best > 0 && usage > max { f64::from(max) / f64::from(usage) } else { 1.0 };
        sum += f64::from(weight) * heard * f64::from(best);
        weights += f64::from(weight);
    }
    if weights == 0.0 { 0.0 } else { sum / weights }
}

prop_compose! {
    fn any_vote()(number in 0u8..64, score in -1000i64..=1000, in_burst: bool) -> Vote {
        Vote { in_burst, ..vote(number, score) }
    }
}

prop_compose! {
    fn any_voices()(
        tags: u16,
        own in vec((any::<u16>(), any::<u32>(), any::<u32>()), 64),
    ) -> Voices {
        let voice = |at: usize| Voice { weight: own[at].0, usage: own[at].1, max: own[at].2 };
        Voices { tag_point: 1, protocols: std::array::from_fn(voice), tags }
    }
}

proptest! {
    #[test]
    fn a_tally_is_the_weighted_mean_to_less_than_two_points(
        voices in any_voices(), votes in vec(any_vote(), 0..80), tags: i64,
    ) {
        let made = f64::from(tally(&voices, &votes, tags));
        prop_assert!(made.abs() <= 1000.0);
        prop_assert!((made - oracle(&voices, &votes, tags)).abs() < 2.0);
    }

    #[test]
    fn the_order_of_streams_does_not_matter(
        voices in any_voices(), mut votes in vec(any_vote(), 0..20), tags: i64,
    ) {
        let made = tally(&voices, &votes, tags);
        votes.reverse();
        prop_assert_eq!(tally(&voices, &votes, tags), made);
    }

    #[test]
    fn a_better_stream_or_tag_never_lowers_a_tally(
        voices in any_voices(), mut votes in vec(any_vote(), 1..20), tags in -2000i64..2000,
        better in 0i64..500,
    ) {
        let made = tally(&voices, &votes, tags);
        prop_assert!(tally(&voices, &votes, tags + better) >= made);
        votes[0].score = Score::new(i64::from(votes[0].score.get()) + better);
        prop_assert!(tally(&voices, &votes, tags) >= made);
    }
}
