//! A node follows its file, however that is changed.

mod log;
mod node;

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use log::Log;
use node::{Node, streams};
use rcmgr_config::{Cause, FileOutcome};
use tokio::time::sleep;

/// What all tests have logged.
fn log() -> &'static Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    LOG.get_or_init(|| {
        let log = Log::default();
        let writer = log.clone();
        tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).init();
        log
    })
}

/// How often something was logged of a file.
fn logged(path: &Path, what: &str) -> usize {
    let log = log().text();
    let of_file = path.display().to_string();
    log.lines().filter(|line| line.contains(&of_file) && line.contains(what)).count()
}

async fn following(name: &str) -> Node {
    log();
    let mut node = Node::start(name, &streams(10)).await;
    node.follow();
    node
}

fn rename_over(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).expect("the folder can be written");
    fs::rename(new, path).expect("the folder can be written");
}

/// The numbers of streams that the versions had.
fn had(node: &Node) -> Vec<u64> {
    let versions = node.live.versions();
    versions.iter().map(|version| version.effective.limits.system.streams.get()).collect()
}

#[tokio::test]
async fn edits_and_renames_take_effect() {
    let node = following("limits.yaml").await;
    for limit in [20, 40, 60] {
        fs::write(&node.path, streams(limit)).unwrap();
        node.until_streams(limit).await;
        rename_over(&node.path, &streams(limit + 10));
        node.until_streams(limit + 10).await;
    }
    assert_eq!(had(&node), [10, 20, 30, 40, 50, 60, 70]);
    assert_eq!(node.live.current().cause, Cause::File);
    assert_eq!(logged(&node.path, "limits changed"), 6);
}

#[cfg(unix)]
#[tokio::test]
async fn the_swap_of_a_config_map_takes_effect() {
    use std::os::unix::fs::symlink;
    let mut node = Node::start("limits.yaml", &streams(10)).await;
    let root = node.folder.path().to_owned();
    let make = |nth: u64| {
        let folder = root.join(format!("..{nth}"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("limits.yaml"), streams(nth)).unwrap();
        symlink(format!("..{nth}"), root.join("..data_tmp")).unwrap();
        fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
    };
    make(10);
    fs::remove_file(&node.path).unwrap();
    symlink("..data/limits.yaml", &node.path).unwrap();
    node.follow();
    for nth in [20, 30, 40] {
        make(nth);
        node.until_streams(nth).await;
        fs::remove_dir_all(root.join(format!("..{}", nth - 10))).unwrap();
    }
    let (status, told) = node.put("/limits?persist=1", streams(50)).await;
    assert_eq!(status, 409, "{told}");
    assert!(told["error"].as_str().unwrap().contains("ConfigMap"), "{told}");
    assert_eq!((node.in_force().1, node.live.health().problem), (40, None));
}

#[tokio::test]
async fn a_bad_file_leaves_the_limits_and_is_logged_once() {
    let node = following("limits.yaml").await;
    let bad = "limits: {system: {streams: many}}\n";
    fs::write(&node.path, bad).unwrap();
    node.until("the problem shows", |node| node.live.health().problem.is_some()).await;
    let problem = node.live.health().problem.unwrap();
    assert!(problem.contains("limits.yaml:1:28"), "{problem}");
    // The same again, and something else in the end, after which the same has been read.
    for _ in 0..3 {
        rename_over(&node.path, bad);
        sleep(Duration::from_millis(150)).await;
    }
    assert_eq!(node.in_force(), (1, 10));
    assert_eq!(logged(&node.path, "is not in effect, and the limits stay as they are"), 1);
    fs::write(&node.path, streams(20)).unwrap();
    node.until_streams(20).await;
    assert_eq!(node.live.health().problem, None);
    // Once it was good, the same mistake is a new one.
    fs::write(&node.path, bad).unwrap();
    node.until("the problem shows", |node| node.live.health().problem.is_some()).await;
    node.until("it is logged", |node| logged(&node.path, "is not in effect, and") == 2).await;
    // Back to what is in force.
    fs::write(&node.path, streams(20)).unwrap();
    node.until("the problem is gone", |node| node.live.health().problem.is_none()).await;
    assert_eq!(node.in_force(), (2, 20));
}

#[tokio::test]
async fn a_file_that_is_gone_leaves_the_limits_and_shows() {
    let node = following("limits.yaml").await;
    fs::remove_file(&node.path).unwrap();
    node.until("the problem shows", |node| node.live.health().problem.is_some()).await;
    assert_eq!(node.in_force(), (1, 10));
    let problem = node.live.health().problem.unwrap();
    assert!(problem.contains("No such file"), "{problem}");
    fs::write(&node.path, streams(10)).unwrap();
    node.until("the problem is gone", |node| node.live.health().problem.is_none()).await;
    assert_eq!(node.in_force(), (1, 10));
}

#[cfg(unix)]
#[tokio::test]
async fn a_pipe_in_the_place_of_the_file_stops_nothing() {
    let node = following("limits.yaml").await;
    fs::remove_file(&node.path).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &node.path, rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    let is_told = |node: &Node| {
        let problem = node.live.health().problem;
        problem.is_some_and(|problem| problem.contains("it is no regular file"))
    };
    node.until("the pipe is told of", is_told).await;
    let (status, told) = node.put("/limits?persist=1", streams(20)).await;
    assert_eq!(status, 409, "{told}");
    rename_over(&node.path, &streams(20));
    node.until_streams(20).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_signal_drops_what_was_put() {
    let node = following("limits.yaml").await;
    assert_eq!(node.put("/limits", streams(20)).await.0, 200);
    // The file is touched, and says what it said.
    rename_over(&node.path, &streams(10));
    sleep(Duration::from_millis(300)).await;
    assert_eq!(node.in_force(), (2, 20));
    let hang_up = || {
        let this = rustix::process::getpid();
        rustix::process::kill_process(this, rustix::process::Signal::HUP).unwrap();
    };
    hang_up();
    node.until_streams(10).await;
    assert_eq!(node.in_force(), (3, 10));
}

/// A part of the text says something by itself. Its writer rests for longer than a file has to be
/// still. Another test may send a signal meanwhile, which changes nothing about that.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_that_is_half_written_is_not_taken() {
    let node = following("limits.yaml").await;
    for limit in [200, 300, 400] {
        let mut file = File::create(&node.path).unwrap();
        file.write_all(b"limits:\n  system:\n    streams: ").unwrap();
        sleep(Duration::from_millis(200)).await;
        file.write_all(format!("{}", limit / 100).as_bytes()).unwrap();
        sleep(Duration::from_millis(200)).await;
        file.write_all(b"00\n").unwrap();
        drop(file);
        node.until_streams(limit).await;
    }
    assert_eq!(had(&node), [10, 200, 300, 400]);
    assert_eq!(logged(&node.path, "is not in effect"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_persisted_while_the_file_is_followed_comes_back_as_no_change() {
    let node = following("limits.yaml").await;
    for limit in 11..60 {
        let (status, told) = node.put("/limits?persist=1", streams(limit)).await;
        assert_eq!((status, &told["version"]), (200, &(limit - 9).into()), "{told}");
        if limit % 7 == 0 {
            sleep(Duration::from_millis(70)).await;
        }
    }
    sleep(Duration::from_millis(300)).await;
    assert_eq!(node.in_force(), (50, 59));
    let causes: Vec<_> = node.live.versions().iter().map(|version| version.cause).collect();
    assert!(causes.iter().all(|cause| *cause == Cause::Request), "{causes:?}");
    assert!(matches!(
        node.live.file(|| node.file.load().map(|loaded| loaded.settings), false),
        FileOutcome::Unchanged
    ));
}
