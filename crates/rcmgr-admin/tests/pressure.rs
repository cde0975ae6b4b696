//! A manager requires a priority of memory by what a process takes, whose time and memory the test
//! decides on.

mod log;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use log::Log;
use rcmgr_admin::watch_pressure;
use rcmgr_config::machine::ResidentError;
use rcmgr_config::{MemoryPressure, PressureRules};
use rcmgr_core::{Priority, ResourceManager};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// A process that may take a GiB, and takes so many percent of it; `None` where this is not known.
struct Process {
    taken: Arc<Mutex<Option<u64>>>,
    manager: ResourceManager,
    watch: JoinHandle<()>,
    log: Log,
    _guard: tracing::subscriber::DefaultGuard,
}

impl Process {
    fn start() -> Process {
        const BUDGET: u64 = 1 << 30;
        let log = Log::default();
        let writer = log.clone();
        let subscriber =
            tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let manager = ResourceManager::default();
        let taken = Arc::new(Mutex::new(Some(50)));
        let told = taken.clone();
        let resident = move || {
            let percent: Option<u64> = *told.lock().expect("nobody panicked");
            percent.map(|percent| percent * BUDGET / 100).ok_or(ResidentError::Unsupported)
        };
        let pressure = MemoryPressure::new(BUDGET, PressureRules::DEFAULT);
        let pressure = pressure.expect("the rules are valid");
        let watch = tokio::spawn(watch_pressure(manager.clone(), pressure, resident));
        Process { taken, manager, watch, log, _guard }
    }

    /// Takes so much for so many seconds; what is required then.
    async fn takes(&self, percent: Option<u64>, seconds: u64) -> Priority {
        *self.taken.lock().expect("nobody panicked") = percent;
        sleep(Duration::from_secs(seconds)).await;
        self.manager.required_priority()
    }

    /// How often something was logged.
    fn logged(&self, what: &str) -> usize {
        self.log.text().matches(what).count()
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_required_follows_what_the_process_takes() {
    let process = Process::start();
    // Between two samples.
    sleep(Duration::from_millis(500)).await;
    assert_eq!(process.takes(Some(99), 1).await, Priority::LOWEST, "one sample does nothing");
    assert_eq!(process.takes(Some(50), 1).await, Priority::LOWEST);
    assert_eq!(process.takes(Some(90), 2).await, Priority::MEDIUM);
    assert!(process.manager.system().reserve_memory(1, Priority::LOW).is_err());
    assert_eq!(process.takes(Some(90), 100).await, Priority::MEDIUM);
    assert_eq!(process.takes(Some(99), 4).await, Priority::ALWAYS);
    assert_eq!(process.takes(Some(93), 100).await, Priority::ALWAYS, "it is within the margin");
    assert_eq!(process.takes(Some(50), 29).await, Priority::MEDIUM);
    assert_eq!(process.takes(Some(50), 1).await, Priority::LOWEST);
    assert_eq!(process.logged("memory pressure has risen"), 3);
    assert_eq!(process.logged("memory pressure has fallen"), 3);
    let log = process.log.text();
    let first = "memory pressure has risen level=elevated resident=966367641 B budget=1 GiB";
    assert!(log.contains(first), "{log}");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_does_not_tell_stays_at_its_level_and_is_logged_once() {
    let process = Process::start();
    sleep(Duration::from_millis(500)).await;
    assert_eq!(process.takes(Some(90), 2).await, Priority::MEDIUM);
    assert_eq!(process.takes(None, 100).await, Priority::MEDIUM);
    assert_eq!(process.logged("the process's memory is not known"), 1);
    assert_eq!(process.takes(Some(50), 10).await, Priority::LOWEST);
    assert_eq!(process.takes(None, 10).await, Priority::LOWEST);
    assert_eq!(process.logged("the process's memory is not known"), 2);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_required_once_nobody_watches() {
    let process = Process::start();
    sleep(Duration::from_millis(500)).await;
    assert_eq!(process.takes(Some(99), 6).await, Priority::ALWAYS);
    process.watch.abort();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(process.manager.required_priority(), Priority::LOWEST);
}
