use super::*;
use std::io;

use crate::Ratio;
use crate::machine::{AvailableMemory, MachineError, MachineMemory, MemoryBound};
use crate::{Bound, Class, Diagnostic, Portion, Protocols, Setting, Source, Subject};
use rcmgr_core::{Direction, Limit, Resource};

/// A machine of 8 GiB, of which so many bytes are free; `None` where it does not tell.
#[derive(Clone)]
struct Small(Arc<Mutex<Option<u64>>>);

impl Small {
    fn new() -> Small {
        Small(Arc::new(Mutex::new(Some(4 << 30))))
    }

    fn has_free(&self, gib: Option<u64>) {
        *self.0.lock().expect("nobody panicked") = gib.map(|gib| gib << 30);
    }
}

impl Machine for Small {
    fn memory(&self) -> Result<MachineMemory, MachineError> {
        Ok(MachineMemory { bytes: 8 << 30, bounded_by: MemoryBound::Physical })
    }

    fn available(&self) -> Result<AvailableMemory, MachineError> {
        let free = *self.0.lock().expect("nobody panicked");
        let bytes = free.ok_or(MachineError::Unsupported)?;
        Ok(AvailableMemory { bytes, bounded_by: MemoryBound::Physical })
    }

    fn file_descriptors(&self) -> Result<u64, MachineError> {
        Ok(2048)
    }
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
    start_on(Small::new(), Layers { file, ..Layers::default() })
}

fn start_on(machine: Small, layers: Layers) -> LiveLimits {
    LiveLimits::start(ResourceManager::default(), machine, layers).expect("the machine tells")
}

/// The version in force, and how many streams its system may have, by the manager.
fn in_force(live: &LiveLimits) -> (u64, u64) {
    (live.current().number, live.manager().limits().system.streams.get())
}

#[test]
fn a_file_takes_effect_when_it_says_something_else() {
    let live = start(streams(10));
    assert_eq!(in_force(&live), (1, 10));
    assert!(matches!(live.file(|| Ok(streams(10)), false), FileOutcome::Unchanged));
    assert!(matches!(live.file(|| Ok(streams(10)), true), FileOutcome::Unchanged));
    assert!(matches!(live.file(|| Ok(streams(20)), false), FileOutcome::Applied(_)));
    assert_eq!(in_force(&live), (2, 20));
    assert_eq!(live.current().cause, Cause::File);
}

#[test]
fn a_bad_file_leaves_the_old_limits_and_is_told_once() {
    let live = start(streams(10));
    let bad = |why: &'static str| move || Err(why.to_owned());
    assert!(matches!(live.file(bad("one"), false), FileOutcome::Refused(_)));
    assert!(matches!(live.file(bad("one"), true), FileOutcome::StillRefused));
    assert_eq!(live.health(), Health { version: 1, problem: Some("one".to_owned()) });
    assert!(matches!(live.file(bad("two"), false), FileOutcome::Refused(_)));
    assert_eq!(in_force(&live), (1, 10));
    assert!(matches!(live.file(|| Ok(streams(10)), false), FileOutcome::Unchanged));
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
    assert!(matches!(live.file(|| Ok(streams(10)), false), FileOutcome::Unchanged));
    assert_eq!(in_force(&live), (2, 30));
    assert!(matches!(live.file(|| Ok(streams(10)), true), FileOutcome::Applied(_)));
    assert_eq!(in_force(&live), (3, 10));
    live.put(streams(30), None, Intent::Apply).expect("nothing is expected");
    assert!(matches!(live.file(|| Ok(streams(40)), false), FileOutcome::Applied(_)));
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
    assert!(matches!(live.file(|| Ok(streams(30)), false), FileOutcome::Unchanged));
    assert!(matches!(live.file(|| Ok(streams(10)), false), FileOutcome::Applied(_)));
    assert_eq!(in_force(&live), (3, 10));
}

#[test]
fn rollbacks_go_further_back_each_time() {
    let live = start(streams(10));
    for limit in [20, 30] {
        live.file(|| Ok(streams(limit)), false);
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
    live.file(|| Ok(streams(20)), false);
    live.rollback(None, None, false).expect("there is a version before");
    assert!(matches!(live.file(|| Ok(streams(20)), false), FileOutcome::Unchanged));
    assert_eq!(in_force(&live), (3, 10));
    assert!(matches!(live.file(|| Ok(streams(20)), true), FileOutcome::Applied(_)));
    assert_eq!(in_force(&live), (4, 20));
}

#[test]
fn the_last_versions_are_kept() {
    let live = start(streams(1));
    for limit in 2..40 {
        live.file(|| Ok(streams(limit)), false);
    }
    let numbers: Vec<_> = live.versions().iter().map(|version| version.number).collect();
    assert_eq!(numbers, (24..40).collect::<Vec<_>>());
}

#[test]
fn flags_lie_over_the_file_and_requests_over_both() {
    let layers = Layers { file: streams(10), flags: streams(15), ..Layers::default() };
    let live = start_on(Small::new(), layers);
    assert_eq!(in_force(&live), (1, 15));
    assert!(matches!(live.file(|| Ok(streams(20)), false), FileOutcome::Unchanged));
    assert_eq!(in_force(&live), (1, 15));
    live.put(streams(30), None, Intent::Apply).expect("nothing is expected");
    assert_eq!(in_force(&live), (2, 30));
    live.put(Settings::default(), None, Intent::Apply).expect("nothing is expected");
    assert_eq!(in_force(&live), (3, 15));
}

/// Settings that say these bounds of the quota of a protocol.
fn quota(bounds: &[(Bound, u32)]) -> Settings {
    let said = |portion| Said::new(Portion::Connections(portion), At::Flag("--set".into()));
    let bounds = bounds.iter().map(|(bound, portion)| (*bound, said(*portion))).collect();
    let mut settings = Settings::default();
    settings.connection_manager.quotas.insert(Protocols::Exact("/a".into()), bounds);
    settings
}

#[test]
fn what_contradicts_the_layers_that_it_lies_over_is_refused() {
    let flags = quota(&[(Bound::Maximum, 20)]);
    let live = start_on(Small::new(), Layers { flags: flags.clone(), ..Layers::default() });
    let (low, high) = (quota(&[(Bound::Minimum, 20)]), quota(&[(Bound::Minimum, 21)]));
    assert!(matches!(live.file(|| Ok(high.clone()), false), FileOutcome::Refused(_)));
    let put = |settings: &Settings| live.put(settings.clone(), None, Intent::Apply);
    assert!(matches!(put(&high), Err(ChangeError::Layers(LayersError::Conflict(_)))));
    assert_eq!(live.current().number, 1);
    assert_eq!(put(&low).expect("it is no more").version.number, 2);
    // What is put may say both, but a node would not start with what would be written.
    let both = quota(&[(Bound::Minimum, 21), (Bound::Maximum, 30)]);
    let write = || -> io::Result<()> { panic!("it is not to be written") };
    let refused = live.put(both.clone(), None, Intent::Persist(&write)).expect_err("of the flag");
    assert!(refused.to_string().contains("which is 20 (--set)"), "{refused}");
    assert_eq!(put(&both).expect("nothing is written").version.number, 3);
    let started = LiveLimits::start(
        ResourceManager::default(),
        Small::new(),
        Layers { file: high, flags, ..Layers::default() },
    );
    assert!(matches!(started, Err(LayersError::Conflict(_))));
}

#[test]
fn a_quota_that_says_nothing_can_be_put_back() {
    let live = start(quota(&[]));
    let complete = crate::native::complete(&live.current().effective);
    let put = live.put(complete, Some(1), Intent::Apply).expect("nothing is stale");
    assert_eq!((put.version.number, put.changes.len()), (1, 0));
    let put = live.put(Settings::default(), None, Intent::Apply).expect("nothing is expected");
    assert_eq!((put.version.number, put.changes.len()), (2, 1));
}

#[test]
fn what_changes_nothing_is_no_version() {
    let live = start(streams(10));
    let complete = crate::native::complete(&live.current().effective);
    let put = live.put(complete, Some(1), Intent::Apply).expect("nothing is stale");
    assert_eq!((put.version.number, put.changes.len()), (1, 0));
    // Nor does it take the place of the file, which goes on to say what is in force.
    assert!(matches!(live.file(|| Ok(streams(20)), false), FileOutcome::Applied(_)));
    assert_eq!(in_force(&live), (2, 20));
    // What was put and is then said by the file, too, comes from there.
    live.put(streams(30), None, Intent::Apply).expect("nothing is expected");
    assert!(matches!(live.file(|| Ok(streams(30)), false), FileOutcome::Unchanged));
    let key = crate::Key::Limit(Subject::Class(Class::System), Resource::Streams);
    assert_eq!(live.current().effective.origin(&key).to_string(), "limits.yaml:1");
    assert_eq!(in_force(&live), (3, 30));
    let back = live.rollback(Some(3), None, false).expect("it is in force");
    assert_eq!((back.version.number, live.versions().len()), (3, 3));
}

#[test]
fn what_is_written_clears_the_problem_of_the_file() {
    let live = start(streams(10));
    live.file(|| Err("bad".to_owned()), false);
    live.put(streams(20), None, Intent::Apply).expect("nothing is expected");
    assert_eq!(live.health(), Health { version: 2, problem: Some("bad".to_owned()) });
    let full = || Err(io::Error::other("the disk is full"));
    assert!(live.put(streams(30), None, Intent::Persist(&full)).is_err());
    assert_eq!(live.health(), Health { version: 2, problem: Some("bad".to_owned()) });
    live.put(streams(30), None, Intent::Persist(&|| Ok(()))).expect("it is written");
    assert_eq!(live.health(), Health { version: 3, problem: None });
    assert!(matches!(live.file(|| Ok(streams(30)), false), FileOutcome::Unchanged));
    // The same written once more is no change, and written all the same.
    live.file(|| Err("bad".to_owned()), false);
    live.put(streams(30), None, Intent::Persist(&|| Ok(()))).expect("it is written");
    assert_eq!(live.health(), Health { version: 3, problem: None });
}

#[test]
fn the_file_is_never_older_than_what_was_written_to_it() {
    let live = Arc::new(start(streams(10)));
    let file = Arc::new(Mutex::new(10));
    let (reading, read) = std::sync::mpsc::channel();
    let follower = {
        let (live, file) = (live.clone(), file.clone());
        std::thread::spawn(move || {
            live.file(
                || {
                    let settings = streams(*file.lock().expect("nobody panicked"));
                    reading.send(()).expect("somebody waits");
                    Ok(settings)
                },
                false,
            )
        })
    };
    read.recv().expect("the file is read");
    let write = || {
        *file.lock().expect("nobody panicked") = 20;
        Ok(())
    };
    live.put(streams(20), None, Intent::Persist(&write)).expect("it is written");
    follower.join().expect("nobody panics");
    assert_eq!(in_force(&live), (2, 20));
}

#[test]
fn who_looks_does_not_wait_for_the_disk() {
    let live = start(streams(10));
    let write = || {
        assert_eq!((live.current().number, live.versions().len()), (1, 1));
        assert_eq!((live.health().version, live.follows()), (1, None));
        Ok(())
    };
    live.put(streams(20), None, Intent::Persist(&write)).expect("it is written");
    assert_eq!(in_force(&live), (2, 20));
}

#[test]
fn what_is_written_and_would_not_last_is_told() {
    let mut flags = streams(15);
    let memory = MemoryGiven::Share(Share::Exactly(1 << 30));
    flags.memory = Some(Said::new(memory, At::Flag("--memory".into())));
    for limits in flags.scopes.values_mut() {
        limits.values_mut().for_each(|said| said.at = At::Flag("--set".into()));
    }
    let live = start_on(Small::new(), Layers { flags, ..Layers::default() });
    let mut file = streams(20);
    file.memory = Some(Said::new(memory, At::RunTime));
    let put = live.put(file, None, Intent::Persist(&|| Ok(()))).expect("it is written");
    let told: Vec<_> = put.warnings.iter().map(Diagnostic::to_string).collect();
    assert_eq!(
        told,
        ["warning: limits.system.streams: when the file is read again, after a restart or on \
          SIGHUP, --set wins: limits.system.streams: 20 -> 15\n \
          = help: take limits.system.streams away from --set, or say the same there"]
    );
    let put = live.put(streams(20), None, Intent::Apply).expect("nothing is expected");
    assert!(put.warnings.is_empty(), "what is not written is not said to last");
    assert!(matches!(live.file(|| Ok(streams(20)), true), FileOutcome::Applied(_)));
    assert_eq!(in_force(&live).1, 15);
}

const GIB: u64 = 1 << 30;

const FOLLOW: Follow = Follow {
    part: Ratio::one_of(2),
    least: GIB,
    most: 8 * GIB,
    every: Follow::EVERY,
    hysteresis: Follow::HYSTERESIS,
};

/// Settings that follow the free memory.
fn following(limit: u64) -> Settings {
    let memory = Some(Said::new(MemoryGiven::Follow(FOLLOW), At::RunTime));
    Settings { memory, ..streams(limit) }
}

/// The version in force, and how many GiB its node is given.
fn given(live: &LiveLimits) -> (u64, u64) {
    let current = live.current();
    (current.number, current.effective.given.memory / GIB)
}

/// Samples the machine, which has so many GiB free.
fn sampled(live: &LiveLimits, machine: &Small, gib: u64) -> Option<u64> {
    machine.has_free(Some(gib));
    live.sample().expect("the machine tells").map(|version| version.number)
}

#[test]
fn limits_follow_what_is_free() {
    let machine = Small::new();
    let layers = Layers { file: following(10), ..Layers::default() };
    let live = start_on(machine.clone(), layers);
    assert_eq!((given(&live), live.follows()), ((1, 2), Some(FOLLOW)));
    assert_eq!(sampled(&live, &machine, 4), None);
    assert_eq!(sampled(&live, &machine, 2), Some(2));
    assert_eq!((given(&live), live.current().cause), ((2, 1), Cause::Machine));
    let scaled = crate::libp2p::defaults().scale(GIB, 1024);
    assert_eq!(live.manager().limits().peer, scaled.peer);
    assert!(matches!(live.file(|| Ok(following(10)), true), FileOutcome::Unchanged));
    assert_eq!(given(&live), (2, 1));

    // Each step of the machine replaces the one before it among the versions.
    for _ in 0..2 {
        sampled(&live, &machine, 12);
    }
    assert_eq!(given(&live), (3, 6));
    assert_eq!(live.versions().len(), 2);
    live.file(|| Ok(streams(20)), false);
    assert_eq!((given(&live), live.follows()), ((4, 1), None));
    assert_eq!(sampled(&live, &machine, 0), None);
}

#[test]
fn a_machine_that_does_not_tell_leaves_the_limits_and_lets_them_be_changed() {
    let machine = Small::new();
    let layers = Layers { file: following(10), ..Layers::default() };
    let live = start_on(machine.clone(), layers);
    machine.has_free(None);
    assert!(live.sample().is_err());
    assert_eq!(given(&live), (1, 2));
    live.put(following(20), None, Intent::Apply).expect("what follows, goes on");
    assert_eq!((given(&live), in_force(&live)), ((2, 2), (2, 20)));
    live.file(|| Ok(streams(20)), true);
    assert_eq!(live.follows(), None);
    let refused = live.put(following(30), None, Intent::Apply);
    assert!(matches!(refused, Err(ChangeError::Layers(LayersError::Given(_)))));
    assert!(live.sample().is_ok_and(|version| version.is_none()), "nothing is asked");
}

#[test]
fn memory_that_is_followed_again_counts_what_the_node_holds() {
    let machine = Small::new();
    let live = start_on(machine.clone(), Layers { file: streams(10), ..Layers::default() });
    let peer = live.manager().peer(b"peer");
    live.manager().set_limits(rcmgr_core::Limits::default());
    let held = peer.reserve_memory(4 * GIB, rcmgr_core::Priority::ALWAYS).expect("there is room");
    live.file(|| Ok(following(10)), false);
    assert_eq!(given(&live), (2, 4));
    drop(held);
}

#[test]
fn what_is_put_back_goes_on_to_follow() {
    let live = start(following(10));
    let mut same = crate::native::complete(&live.current().effective);
    same.memory = live.current().effective.settings().memory.clone();
    let put = live.put(same.clone(), None, Intent::Apply).expect("nothing is expected");
    assert_eq!((put.changes.len(), put.version.number), (0, 1));
    same.memory = Some(Said::new(MemoryGiven::Share(Share::Exactly(2 * GIB)), At::RunTime));
    let put = live.put(same, None, Intent::Apply).expect("nothing is expected");
    let told: Vec<_> = put.changes.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["memory: 2 GiB for now, 0.5 of what is free, from 1 GiB to 8 GiB, every 5s, \
          with a hysteresis of 0.1 -> 2 GiB"]
    );
    assert_eq!((live.follows(), given(&live)), (None, (2, 2)));
}

#[test]
fn a_rollback_goes_on_to_follow_from_what_is_free_now() {
    let machine = Small::new();
    let layers = Layers { file: following(10), ..Layers::default() };
    let live = start_on(machine.clone(), layers);
    assert!(matches!(live.rollback(None, None, false), Err(ChangeError::Oldest)));
    sampled(&live, &machine, 2);
    assert_eq!(given(&live), (2, 1));
    // The machine's own steps are no change that could be taken back.
    assert!(matches!(live.rollback(None, None, false), Err(ChangeError::Oldest)));
    let back = live.rollback(Some(1), None, false).expect("version 1 is kept");
    assert_eq!((back.changes.len(), given(&live)), (0, (2, 1)));

    live.put(streams(20), None, Intent::Apply).expect("nothing is expected");
    machine.has_free(Some(6));
    live.rollback(None, None, false).expect("there is one before");
    assert_eq!((given(&live), live.current().cause), ((4, 3), Cause::Rollback(1)));
    assert_eq!(in_force(&live), (4, 10));
    assert_eq!(sampled(&live, &machine, 6), None, "it is what the follower knows");
    sampled(&live, &machine, 12);
    assert_eq!(sampled(&live, &machine, 12), Some(5));
    assert!(matches!(live.rollback(None, None, false), Err(ChangeError::Oldest)));
}
