//! SIGHUP is told to who watches a file. A test of its own process, since all watchers get it.
#![cfg(unix)]

use std::process::Command;
use std::time::Duration;

use rcmgr_admin::{Cause, FileWatcher};
use tokio::time::timeout;

#[tokio::test]
async fn the_signal_to_hang_up_is_told_to_every_watcher() {
    let folder = tempfile::tempdir().unwrap();
    let mut one = FileWatcher::new(&folder.path().join("limits.yaml")).unwrap();
    let mut other = FileWatcher::new(&folder.path().join("other.yaml")).unwrap();
    for _ in 0..2 {
        let own = std::process::id().to_string();
        assert!(Command::new("kill").args(["-HUP", &own]).status().unwrap().success());
        for watcher in [&mut one, &mut other] {
            let told = timeout(Duration::from_secs(20), watcher.changed()).await;
            assert_eq!(told, Ok(Cause::Signal));
        }
    }
}
