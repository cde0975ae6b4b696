//! Limits follow the free memory of a machine whose time and memory the test decides on.

mod log;
mod node;

use std::sync::Arc;
use std::time::Duration;

use log::Log;
use node::{Fake, streams};
use rcmgr_admin::follow_memory;
use rcmgr_config::{FileOutcome, Format, Layers, LiveLimits, Settings, Source, ThisMachine, load};
use rcmgr_core::ResourceManager;
use tokio::time::{Instant, sleep};

/// How often something was logged.
fn count(log: &Log, what: &str) -> usize {
    log.text().matches(what).count()
}

/// What a document says.
fn said(text: &str) -> Settings {
    let source = Arc::new(Source::new("limits.yaml", text).expect("it is short"));
    load(&source, Some(Format::Native), &ThisMachine).expect("it is good").settings
}

/// Settings that follow the free memory, looking so often.
fn following(every: &str) -> Settings {
    said(&format!(
        "memory: {{free-ratio: 0.5, minimum: 1GiB, maximum: 8GiB, every: {every}, hysteresis: 0.1}}"
    ))
}

/// Limits that follow a machine with 4 GiB free; a guard for what is logged; and the log.
fn start(file: Settings) -> (Fake, Arc<LiveLimits>, tracing::subscriber::DefaultGuard, Log) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let machine = Fake::new();
    let layers = Layers { file, ..Layers::default() };
    let live = LiveLimits::start(ResourceManager::default(), machine.clone(), layers);
    let live = Arc::new(live.expect("the machine tells"));
    tokio::spawn(follow_memory(live.clone()));
    (machine, live, guard, log)
}

fn gib(live: &LiveLimits) -> u64 {
    live.current().effective.given.memory >> 30
}

async fn pass(seconds: u64) {
    // A little more, so that what is due then is done.
    sleep(Duration::from_millis(1000 * seconds + 10)).await;
}

#[tokio::test(start_paused = true)]
async fn limits_follow_the_free_memory() {
    let (machine, live, _guard, log) = start(following("5s"));
    assert_eq!(gib(&live), 2);
    machine.has_free(Some(2));
    pass(4).await;
    assert_eq!(gib(&live), 2);
    pass(1).await;
    assert_eq!((gib(&live), live.current().number), (1, 2));
    let transient = live.manager().limits().transient.streams;
    assert_eq!(transient, rcmgr_config::libp2p::defaults().scale(1 << 30, 1024).transient.streams);
    // Two samples have to agree before it grows.
    machine.has_free(Some(12));
    pass(5).await;
    assert_eq!(gib(&live), 1);
    pass(5).await;
    assert_eq!((gib(&live), live.current().number), (6, 3));
    assert_eq!(count(&log, "limits follow the free memory"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_does_not_tell_is_logged_once() {
    let (machine, live, _guard, log) = start(following("1s"));
    machine.has_free(None);
    pass(10).await;
    assert_eq!((gib(&live), live.current().number), (2, 1));
    assert_eq!(count(&log, "free memory is not known"), 1);
    machine.has_free(Some(2));
    pass(2).await;
    assert_eq!(gib(&live), 1);
    machine.has_free(None);
    pass(10).await;
    assert_eq!((gib(&live), count(&log, "free memory is not known")), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn following_begins_and_ends_with_the_settings() {
    let (machine, live, _guard, _) = start(said(&streams(10)));
    machine.has_free(Some(2));
    pass(20).await;
    assert_eq!((gib(&live), live.current().number), (1, 1));
    machine.has_free(Some(8));
    assert!(matches!(live.file(|| Ok(following("5s")), false), FileOutcome::Applied(_)));
    assert_eq!((gib(&live), live.current().number), (4, 2));
    machine.has_free(Some(4));
    pass(6).await;
    assert_eq!((gib(&live), live.current().number), (2, 3));
    assert!(matches!(live.file(|| Ok(said("memory: 3GiB")), false), FileOutcome::Applied(_)));
    machine.has_free(Some(16));
    pass(60).await;
    assert_eq!((gib(&live), live.current().number), (3, 4));
}

#[tokio::test(start_paused = true)]
async fn a_shorter_time_between_samples_holds_at_once() {
    let (machine, live, _guard, _) = start(following("1h"));
    machine.has_free(Some(2));
    pass(30).await;
    assert_eq!(gib(&live), 2);
    let start = Instant::now();
    live.file(|| Ok(following("2s")), false);
    pass(4).await;
    assert_eq!((gib(&live), start.elapsed().as_secs()), (1, 4));
}
