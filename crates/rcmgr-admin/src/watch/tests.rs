//! A file is changed in every way, and each time told of.

use super::*;
use std::fs;
use std::io::Write;
use std::sync::{Arc, Mutex};
use tokio::time::timeout;

/// Long enough for a slow machine; only a test that fails takes it.
const PATIENCE: Duration = Duration::from_secs(20);

/// No looks, so that only what the system tells counts.
const TOLD_ONLY: Times = Times {
    quiet: Duration::from_millis(5),
    burst: Duration::from_millis(50),
    open: Duration::from_millis(500),
    look: Duration::from_secs(3600),
    poll: Duration::from_secs(3600),
};

/// Only looks.
const LOOKS_ONLY: Times =
    Times { look: Duration::from_millis(5), poll: Duration::from_millis(5), ..TOLD_ONLY };

fn watched(path: &Path) -> FileWatcher {
    FileWatcher::start(path, TOLD_ONLY, notify::recommended_watcher).unwrap()
}

/// Reads the file at each change until it holds a text, or `None` until it is gone. In between it
/// may be seen half done.
async fn sees(watcher: &mut FileWatcher, path: &Path, text: Option<&str>) {
    let seen = async {
        loop {
            assert_eq!(watcher.changed().await, Cause::File);
            if fs::read_to_string(path).ok().as_deref() == text {
                return;
            }
        }
    };
    timeout(PATIENCE, seen).await.unwrap_or_else(|_| panic!("{text:?} was not told of"));
}

fn rename_over(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, path).unwrap();
}

#[tokio::test]
async fn an_edit_in_place_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("limits.yaml");
    fs::write(&path, "1").unwrap();
    let mut watcher = watched(&path);
    for text in ["2", "3", "4"] {
        fs::write(&path, text).unwrap();
        sees(&mut watcher, &path, Some(text)).await;
    }
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"5").unwrap();
    sees(&mut watcher, &path, Some("45")).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_is_told_of_when_it_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("limits.yaml");
    fs::write(&path, "1").unwrap();
    let patient = Times { open: PATIENCE, ..TOLD_ONLY };
    let mut watcher = FileWatcher::start(&path, patient, notify::recommended_watcher).unwrap();
    let mut file = fs::File::create(&path).unwrap();
    file.write_all(b"2").unwrap();
    let early = timeout(10 * patient.burst, watcher.changed()).await;
    assert!(early.is_err(), "it is not done");
    file.write_all(b"3").unwrap();
    drop(file);
    assert_eq!(watcher.changed().await, Cause::File);
    assert_eq!(fs::read_to_string(&path).unwrap(), "23");
}

#[tokio::test]
async fn a_file_that_stays_open_is_told_of_after_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("limits.yaml");
    let mut watcher = watched(&path);
    let mut file = fs::File::create(&path).unwrap();
    file.write_all(b"2").unwrap();
    sees(&mut watcher, &path, Some("2")).await;
    drop(file);
}

#[tokio::test]
async fn a_rename_over_the_file_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("limits.yaml");
    fs::write(&path, "1").unwrap();
    let mut watcher = watched(&path);
    for text in ["2", "3", "4"] {
        rename_over(&path, text);
        sees(&mut watcher, &path, Some(text)).await;
    }
}

#[tokio::test]
async fn a_file_that_is_removed_and_made_again_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("limits.yaml");
    let mut watcher = watched(&path);
    for text in ["1", "2"] {
        fs::write(&path, text).unwrap();
        sees(&mut watcher, &path, Some(text)).await;
        fs::remove_file(&path).unwrap();
        sees(&mut watcher, &path, None).await;
    }
}

#[tokio::test]
async fn a_folder_that_is_removed_and_made_again_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let outer = folder.path().join("a");
    let path = outer.join("b/limits.yaml");
    let mut watcher = watched(&path);
    for text in ["1", "2", "3"] {
        fs::create_dir_all(outer.join("b")).unwrap();
        fs::write(&path, text).unwrap();
        sees(&mut watcher, &path, Some(text)).await;
        fs::write(&path, format!("{text}+")).unwrap();
        sees(&mut watcher, &path, Some(&format!("{text}+"))).await;
        fs::remove_dir_all(&outer).unwrap();
        sees(&mut watcher, &path, None).await;
    }
}

#[tokio::test]
async fn a_folder_that_is_replaced_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("conf/limits.yaml");
    fs::create_dir(folder.path().join("conf")).unwrap();
    fs::write(&path, "1").unwrap();
    let mut watcher = watched(&path);
    fs::create_dir(folder.path().join("next")).unwrap();
    fs::write(folder.path().join("next/limits.yaml"), "2").unwrap();
    fs::rename(folder.path().join("conf"), folder.path().join("old")).unwrap();
    fs::rename(folder.path().join("next"), folder.path().join("conf")).unwrap();
    sees(&mut watcher, &path, Some("2")).await;
    fs::write(&path, "3").unwrap();
    sees(&mut watcher, &path, Some("3")).await;
}

#[cfg(unix)]
#[tokio::test]
async fn the_swap_of_a_config_map_is_told() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let (root, path) = (folder.path(), folder.path().join("limits.yaml"));
    let publish = |version: &str| {
        fs::create_dir(root.join(version)).unwrap();
        fs::write(root.join(version).join("limits.yaml"), version).unwrap();
        symlink(version, root.join("..data_tmp")).unwrap();
        fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
    };
    publish("..2024_1");
    symlink("..data/limits.yaml", &path).unwrap();
    let mut watcher = watched(&path);
    for (version, last) in [("..2024_2", "..2024_1"), ("..2024_3", "..2024_2")] {
        publish(version);
        sees(&mut watcher, &path, Some(version)).await;
        fs::remove_dir_all(root.join(last)).unwrap();
    }
    fs::write(root.join("..2024_3/limits.yaml"), "edited").unwrap();
    sees(&mut watcher, &path, Some("edited")).await;
}

#[tokio::test]
async fn a_burst_that_nobody_reads_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("limits.yaml");
    let mut watcher = watched(&path);
    for text in 0..1000 {
        fs::write(&path, text.to_string()).unwrap();
    }
    sees(&mut watcher, &path, Some("999")).await;
    assert!(watcher.changes.len() <= 1);
}

#[tokio::test]
async fn where_the_system_has_no_watch_the_file_is_polled() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("limits.yaml");
    let none_left = |_| Err(notify::Error::new(notify::ErrorKind::MaxFilesWatch));
    let mut watcher = FileWatcher::start(&path, LOOKS_ONLY, none_left).unwrap();
    fs::write(&path, "1").unwrap();
    sees(&mut watcher, &path, Some("1")).await;
    fs::write(&path, "two").unwrap();
    sees(&mut watcher, &path, Some("two")).await;
    rename_over(&path, "six");
    sees(&mut watcher, &path, Some("six")).await;
    fs::remove_file(&path).unwrap();
    sees(&mut watcher, &path, None).await;
}

#[tokio::test]
async fn when_the_watch_fails_later_the_file_is_polled() {
    use notify::EventHandler;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("limits.yaml");
    let news = Arc::new(Mutex::new(None));
    let times = Times { poll: LOOKS_ONLY.poll, ..TOLD_ONLY };
    let deaf = |told| {
        *news.lock().unwrap() = Some(told);
        notify::recommended_watcher(|_| {})
    };
    let mut watcher = FileWatcher::start(&path, times, deaf).unwrap();
    let mut told = news.lock().unwrap().take().unwrap();
    told.handle_event(Err(notify::Error::new(notify::ErrorKind::MaxFilesWatch)));
    fs::write(&path, "1").unwrap();
    sees(&mut watcher, &path, Some("1")).await;
    fs::write(&path, "two").unwrap();
    sees(&mut watcher, &path, Some("two")).await;
}

#[tokio::test]
async fn a_change_that_the_system_does_not_tell_is_seen_at_the_next_look() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("limits.yaml");
    let deaf = |_| notify::recommended_watcher(|_| {});
    let mut watcher = FileWatcher::start(&path, LOOKS_ONLY, deaf).unwrap();
    fs::write(&path, "1").unwrap();
    sees(&mut watcher, &path, Some("1")).await;
}

#[tokio::test]
async fn a_folder_further_up_that_is_replaced_is_seen_at_the_next_look() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/limits.yaml");
    for (name, text) in [("a", "1"), ("next", "2")] {
        fs::create_dir_all(folder.path().join(name).join("b")).unwrap();
        fs::write(folder.path().join(name).join("b/limits.yaml"), text).unwrap();
    }
    let mut watcher = FileWatcher::start(&path, LOOKS_ONLY, notify::recommended_watcher).unwrap();
    fs::rename(folder.path().join("a"), folder.path().join("old")).unwrap();
    fs::rename(folder.path().join("next"), folder.path().join("a")).unwrap();
    sees(&mut watcher, &path, Some("2")).await;
}

#[tokio::test]
async fn the_thread_ends_when_nobody_listens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("limits.yaml");
    let held = Arc::new(());
    let weak = Arc::downgrade(&held);
    let watch = move |news: News| {
        let mut handler = news;
        notify::recommended_watcher(move |event| {
            let _held = &held;
            notify::EventHandler::handle_event(&mut handler, event);
        })
    };
    drop(FileWatcher::start(&path, TOLD_ONLY, watch).unwrap());
    let ended = tokio::task::spawn_blocking(move || {
        while weak.strong_count() > 0 {
            std::thread::yield_now();
        }
    });
    assert!(timeout(PATIENCE, ended).await.is_ok());
}

#[test]
fn a_file_without_a_name_is_an_error() {
    let error = FileWatcher::new("".as_ref()).err().unwrap();
    assert!(error.to_string().contains("write the whole path"), "{error}");
}
