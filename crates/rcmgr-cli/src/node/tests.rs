//! Limits that change under load, in every way at once.

use std::{
    collections::BTreeSet,
    env, fs,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use rcmgr_admin::{Client, LimitsFile, Server, routes};
use rcmgr_config::{Layers, LiveLimits, ThisMachine};
use rcmgr_core::{Limits, ResourceManager};
use tokio::{
    sync::{oneshot, watch},
    task::JoinSet,
    time::{Instant, interval, sleep, timeout},
};

use crate::demo::{
    client::Target,
    honest::{self, Tally},
    node::Node,
};

/// How long it runs; `RCMGR_RELOAD_SECONDS` says otherwise.
const SECONDS: u64 = 20;
/// 200 edits in a minute.
const EDIT: Duration = Duration::from_millis(300);
/// No multiples of it, so that they meet edits at every stage.
const SIGNAL: Duration = Duration::from_millis(470);
const REQUEST: Duration = Duration::from_millis(370);
const CLIENTS: u16 = 4;
/// What a file that is wrong says before the place where it is wrong.
const NEVER: u64 = 900_000;
/// What is put, and what the files say, begins from here.
const PUT: u64 = 500_000;
const FILE: u64 = 100_000;

/// Limits that change together, always: the same number in five places, which leaves room for all.
fn document(number: u64) -> String {
    format!(
        "limits:\n  system:\n    streams: {number}\n    connections: {number}\n  \
         transient:\n    streams: {number}\n  protocols:\n    /work/1:\n      streams: {number}\n  \
         peer:\n    streams: {number}\n"
    )
}

/// A document that goes wrong at its end.
fn broken(number: u64) -> String {
    document(NEVER + number) + "    stream: 1\n"
}

/// The number in all five places, if it is the same one.
fn number(limits: &Limits) -> Option<u64> {
    let number = limits.system.streams.get();
    let others = [
        limits.system.connections,
        limits.transient.streams,
        limits.protocols.get("/work/1")?.streams,
        limits.peer.streams,
    ];
    others.iter().all(|other| other.get() == number).then_some(number)
}

/// Writes a file as editors do: every other time in place, else by a rename.
fn edit(path: &Path, nth: u64, text: &str) {
    if nth.is_multiple_of(2) {
        fs::write(path, text).expect("the folder can be written");
    } else {
        let beside = path.with_extension("new");
        fs::write(&beside, text).expect("the folder can be written");
        fs::rename(&beside, path).expect("the folder can be written");
    }
}

/// A third of the edits and of the requests is wrong.
const fn is_wrong(nth: u64) -> bool {
    nth % 3 == 2
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edits_signals_and_requests_race_and_no_wrong_limit_is_ever_in_force() {
    let seconds = env::var("RCMGR_RELOAD_SECONDS").ok().and_then(|text| text.parse().ok());
    let run = Duration::from_secs(seconds.unwrap_or(SECONDS));
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let path = folder.path().join("limits.yaml");
    edit(&path, 0, &document(FILE));

    let file = Arc::new(LimitsFile::new(&path, None));
    let watcher = file.watch().expect("the file can be watched");
    let settings = file.load().expect("the file is good").settings;
    let layers = Layers { file: settings, ..Layers::default() };
    let manager = ResourceManager::default();
    let live = LiveLimits::start(manager.clone(), ThisMachine, layers);
    let live = Arc::new(live.expect("the machine tells"));
    let listen = "127.0.0.1:0".parse().expect("it is an address");
    let server = Server::bind(&listen, None).await.expect("there is a port");
    let client = Client::new(server.local().into());
    let node = Node::start(manager.clone(), 1, Node::any_port(), Node::base_memory(), None)
        .await
        .expect("there is a port");

    let mut tasks = JoinSet::new();
    tasks.spawn(file.clone().follow(watcher, live.clone()));
    tasks.spawn(server.serve(routes(live.clone(), Some(file)), std::future::pending()));

    // What is in force, looked at as fast as a thread can.
    let (over, may_be) = (Arc::new(AtomicBool::new(false)), Mutex::new(BTreeSet::from([FILE])));
    let may_be = Arc::new(may_be);
    let looker = {
        let (over, may_be, manager) = (over.clone(), may_be.clone(), manager.clone());
        thread::spawn(move || {
            let mut seen = BTreeSet::new();
            while !over.load(Ordering::Relaxed) {
                let limits = manager.limits();
                let number = number(&limits).unwrap_or_else(|| panic!("a mixture: {limits:?}"));
                if seen.insert(number) {
                    assert!(may_be.lock().expect("nobody panicked").contains(&number), "{number}");
                }
                thread::sleep(Duration::from_micros(50));
            }
            seen
        })
    };

    // Clients that are served all the time.
    let target = Target { peer: node.peer, socket: node.socket().expect("it is on TCP") };
    let (tally, stop) = (Arc::new(Tally::new()), watch::Sender::new(false));
    let mut clients = JoinSet::new();
    for index in 0..CLIENTS {
        let (ready, arrived) = oneshot::channel();
        let (target, tally) = (target.clone(), tally.clone());
        clients.spawn(honest::run(target, index, 1, tally, ready, stop.subscribe()));
        arrived.await.expect("the client connects");
    }

    let (mut edits, mut signals, mut requests) =
        (interval(EDIT), interval(SIGNAL), interval(REQUEST));
    let (mut nth_edit, mut nth_request) = (0, 0);
    let (mut put, mut refused) = (0, 0);
    let start = Instant::now();
    while start.elapsed() < run {
        tokio::select! {
            _ = edits.tick() => {
                nth_edit += 1;
                if is_wrong(nth_edit) {
                    edit(&path, nth_edit, &broken(nth_edit));
                } else {
                    may_be.lock().expect("nobody panicked").insert(FILE + nth_edit);
                    edit(&path, nth_edit, &document(FILE + nth_edit));
                }
            }
            _ = signals.tick() => {
                let this = rustix::process::getpid();
                rustix::process::kill_process(this, rustix::process::Signal::HUP)
                    .expect("a process may signal itself");
            }
            _ = requests.tick() => {
                nth_request += 1;
                let body = match is_wrong(nth_request) {
                    true => broken(nth_request),
                    false => {
                        may_be.lock().expect("nobody panicked").insert(PUT + nth_request);
                        document(PUT + nth_request)
                    }
                };
                let answer = client.put("/limits", body, None).await.expect("the node answers");
                assert_eq!(answer.status.is_success(), !is_wrong(nth_request), "{answer:?}");
                match answer.status.is_success() {
                    true => put += 1,
                    false => refused += 1,
                }
            }
        }
    }
    // The last word is the file's.
    let last = FILE + nth_edit + 1;
    may_be.lock().expect("nobody panicked").insert(last);
    edit(&path, 1, &document(last));
    let in_force = async {
        while number(&manager.limits()) != Some(last) {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(10), in_force).await.expect("the last edit takes effect");
    assert_eq!(live.health().problem, None);

    over.store(true, Ordering::Relaxed);
    let seen = looker.join().expect("no wrong limit was ever in force");
    stop.send_replace(true);
    while let Some(ended) = clients.join_next().await {
        ended.expect("no client panics").expect("no client gives up");
    }
    let counts = tally.counts();
    assert!(counts.requests > 10 * u64::from(CLIENTS), "{counts:?}");
    assert_eq!(counts.failed(), 0, "{counts:?}");
    let of_files = seen.iter().filter(|number| **number < PUT).count() as u64;
    assert!(of_files > nth_edit / 4, "{of_files} of {nth_edit} edits were seen in force");
    assert!(put > 0 && refused > 0, "{put} requests were taken, {refused} refused");
}
