use super::*;
use crate::Ratio;
use crate::machine::{AvailableMemory, MachineError, MachineMemory, MemoryBound};
use crate::{Class, Said, Setting, Source, Subject};
use rcmgr_core::{Direction, Limit, Resource};

struct Small;

impl Machine for Small {
    fn memory(&self) -> Result<MachineMemory, MachineError> {
        Ok(MachineMemory { bytes: 8 << 30, bounded_by: MemoryBound::Physical })
    }

    fn available(&self) -> Result<AvailableMemory, MachineError> {
        Ok(free(4))
    }

    fn file_descriptors(&self) -> Result<u64, MachineError> {
        Ok(2048)
    }
}

/// So many GiB that are free.
fn free(gib: u64) -> AvailableMemory {
    AvailableMemory { bytes: gib << 30, bounded_by: MemoryBound::Physical }
}

/// Settings that give the system so many streams.
fn streams(limit: u64) -> Settings {
    let mut settings = Settings::default();
    let source = Source::new("limits.yaml", format!("{limit}")).expect("it is short");
    let at = At::Text(Arc::new(source), crate::Span::default());
    let said = Said::new(Setting::Limit(Limit::new(limit)), at);
    let system = Subject::Class(Class::System);
    settings.scopes.entry(system).or_default().insert(Resource::Streams, said);
    settings
}

fn start(file: Settings) -> LiveLimits {
    let layers = Layers { file, ..Layers::default() };
    LiveLimits::start(ResourceManager::default(), Small, layers).expect("the machine tells")
}

/// The version in force, and how many streams its system may have, by the manager.
fn in_force(live: &LiveLimits) -> (u64, u64) {
    (live.current().number, live.manager().limits().system.streams.get())
}

#[test]
fn a_file_takes_effect_when_it_says_something_else() {
    let live = start(streams(10));
    assert_eq!(in_force(&live), (1, 10));
    assert!(matches!(live.file(Ok(streams(10)), false), FileOutcome::Unchanged));
    assert!(matches!(live.file(Ok(streams(10)), true), FileOutcome::Unchanged));
    assert!(matches!(live.file(Ok(streams(20)), false), FileOutcome::Applied(_)));
    assert_eq!(in_force(&live), (2, 20));
    assert_eq!(live.current().cause, Cause::File);
}

#[test]
fn a_bad_file_leaves_the_old_limits_and_is_told_once() {
    let live = start(streams(10));
    let bad = |why: &str| Err(why.to_owned());
    assert!(matches!(live.file(bad("one"), false), FileOutcome::Refused));
    assert!(matches!(live.file(bad("one"), true), FileOutcome::StillRefused));
    assert_eq!(live.health(), Health { version: 1, problem: Some("one".to_owned()) });
    assert!(matches!(live.file(bad("two"), false), FileOutcome::Refused));
    assert_eq!(in_force(&live), (1, 10));
    assert!(matches!(live.file(Ok(streams(10)), false), FileOutcome::Unchanged));
    assert_eq!(live.health(), Health { version: 1, problem: None });
}

#[test]
fn what_is_put_stays_until_the_file_changes_or_is_asked_for() {
    let live = start(streams(10));
    let put = live.put(streams(30), Some(1), Intent::Apply).expect("nothing is stale");
    assert_eq!(put.changes.len(), 1);
    assert_eq!(in_force(&live), (2, 30));
    let key = crate::Key::Limit(Subject::Class(Class::System), Resource::Streams);
    assert_eq!(live.current().effective.origin(&key).to_string(), "set at run time");
    assert!(matches!(live.file(Ok(streams(10)), false), FileOutcome::Unchanged));
    assert_eq!(in_force(&live), (2, 30));
    assert!(matches!(live.file(Ok(streams(10)), true), FileOutcome::Applied(_)));
    assert_eq!(in_force(&live), (3, 10));
    live.put(streams(30), None, Intent::Apply).expect("nothing is expected");
    assert!(matches!(live.file(Ok(streams(40)), false), FileOutcome::Applied(_)));
    assert_eq!(in_force(&live), (5, 40));
}

#[test]
fn what_was_made_for_another_version_is_refused() {
    let live = start(streams(10));
    let put = |expected| live.put(streams(30), expected, Intent::Apply);
    let refused = put(Some(2)).expect_err("there is no version 2");
    assert!(refused.to_string().starts_with("version 1 is in force, not 2"), "{refused}");
    assert_eq!(in_force(&live), (1, 10));
    put(Some(1)).expect("version 1 is in force");
    assert!(matches!(put(Some(1)), Err(ChangeError::Stale { current: 2, expected: 1 })));
}

#[test]
fn a_trial_changes_nothing() {
    let live = start(streams(10));
    let stream = live.manager().open_stream(b"peer", Direction::Inbound).expect("there is room");
    let tried = live.put(streams(0), None, Intent::Try).expect("it can be tried");
    assert_eq!((tried.version.number, tried.changes.len(), tried.over.len()), (1, 1, 1));
    assert_eq!(tried.over[0].scope, rcmgr_core::ScopeId::System);
    assert_eq!(in_force(&live), (1, 10));
    drop(stream);
}

#[test]
fn what_cannot_be_written_does_not_take_effect() {
    let live = start(streams(10));
    let full = || Err(io::Error::other("the disk is full"));
    let refused = live.put(streams(30), None, Intent::Persist(&full));
    let refused = refused.expect_err("it cannot be written").to_string();
    assert!(refused.contains("as they were: the disk is full"), "{refused}");
    assert_eq!(in_force(&live), (1, 10));
    live.put(streams(30), None, Intent::Persist(&|| Ok(()))).expect("it is written");
    assert!(matches!(live.file(Ok(streams(30)), false), FileOutcome::Unchanged));
    assert!(matches!(live.file(Ok(streams(10)), false), FileOutcome::Applied(_)));
    assert_eq!(in_force(&live), (3, 10));
}

#[test]
fn rollbacks_go_further_back_each_time() {
    let live = start(streams(10));
    for limit in [20, 30] {
        live.file(Ok(streams(limit)), false);
    }
    let back = |to, only_try| live.rollback(to, None, only_try).map(|done| done.version.number);
    assert_eq!(back(None, true).ok(), Some(3));
    assert_eq!(back(None, false).ok(), Some(4));
    assert_eq!(in_force(&live), (4, 20));
    assert_eq!(live.current().cause, Cause::Rollback(2));
    assert_eq!(back(None, false).ok(), Some(5));
    assert_eq!(in_force(&live), (5, 10));
    assert!(matches!(back(None, false), Err(ChangeError::Oldest)));
    assert_eq!(back(Some(3), false).ok(), Some(6));
    assert_eq!(in_force(&live), (6, 30));
    let forgotten = back(Some(9), false).expect_err("there is none").to_string();
    assert_eq!(forgotten, "there is no version 9 to go back to; these are kept: 1, 2, 3, 4, 5, 6");
}

#[test]
fn the_file_is_not_taken_after_a_rollback_before_it_changes() {
    let live = start(streams(10));
    live.file(Ok(streams(20)), false);
    live.rollback(None, None, false).expect("there is a version before");
    assert!(matches!(live.file(Ok(streams(20)), false), FileOutcome::Unchanged));
    assert_eq!(in_force(&live), (3, 10));
    assert!(matches!(live.file(Ok(streams(20)), true), FileOutcome::Applied(_)));
    assert_eq!(in_force(&live), (4, 20));
}

#[test]
fn the_last_versions_are_kept() {
    let live = start(streams(1));
    for limit in 2..40 {
        live.file(Ok(streams(limit)), false);
    }
    let numbers: Vec<_> = live.versions().iter().map(|version| version.number).collect();
    assert_eq!(numbers, (24..40).collect::<Vec<_>>());
}

#[test]
fn flags_lie_over_the_file_and_requests_over_both() {
    let layers = Layers { file: streams(10), flags: streams(15), ..Layers::default() };
    let live = LiveLimits::start(ResourceManager::default(), Small, layers);
    let live = live.expect("the machine tells");
    assert_eq!(in_force(&live), (1, 15));
    live.file(Ok(streams(20)), false);
    assert_eq!(in_force(&live), (2, 15));
    live.put(streams(30), None, Intent::Apply).expect("nothing is expected");
    assert_eq!(in_force(&live), (3, 30));
    live.put(Settings::default(), None, Intent::Apply).expect("nothing is expected");
    assert_eq!(in_force(&live), (4, 15));
}

#[test]
fn limits_follow_what_is_free() {
    const GIB: u64 = 1 << 30;
    let follow = Follow {
        part: Ratio::one_of(2),
        least: GIB,
        most: 8 * GIB,
        every: Follow::EVERY,
        hysteresis: Follow::HYSTERESIS,
    };
    let file = Settings {
        memory: Some(Said::new(MemoryGiven::Follow(follow), At::RunTime)),
        ..streams(10)
    };
    let live = start(file.clone());
    let given = || (live.current().number, live.current().effective.given.memory / GIB);
    assert_eq!((given(), live.follows()), ((1, 2), Some(follow)));
    assert!(live.sample(free(4)).is_none());
    assert!(live.sample(free(2)).is_some());
    assert_eq!(given(), (2, 1));
    assert_eq!(live.current().cause, Cause::Machine);
    let scaled = crate::libp2p::defaults().scale(GIB, 1024);
    assert_eq!(live.manager().limits().peer, scaled.peer);
    assert!(matches!(live.file(Ok(file.clone()), true), FileOutcome::Unchanged));
    assert_eq!(given(), (2, 1));

    // Each step of the machine replaces the one before it among the versions.
    for _ in 0..2 {
        live.sample(free(12));
    }
    assert_eq!(given(), (3, 6));
    assert_eq!(live.versions().len(), 2);
    live.file(Ok(streams(20)), false);
    assert_eq!((given(), live.follows()), ((4, 1), None));
    assert!(live.sample(free(0)).is_none());
}
