//! Which folders to watch, and what in them, for the sake of one file.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// As many links as Linux follows on the way to a file.
const MAX_LINKS: usize = 40;

/// What the way to a file leads over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// The folders to watch, by their real paths.
    pub(super) folders: BTreeSet<PathBuf>,
    /// What in them matters: symbolic links, the file, or the first step that is missing.
    entries: BTreeSet<PathBuf>,
}

impl Places {
    /// Goes the way to a file, from the root and over every link.
    pub(super) fn on_the_way_to(path: &Path) -> Places {
        let mut places = Places::default();
        let mut here = PathBuf::new();
        let mut links = 0;
        let mut ahead = steps(path);
        while let Some(step) = ahead.pop() {
            let name = match step {
                Step::Root(root) => {
                    here = root;
                    continue;
                }
                Step::Up => {
                    here.pop();
                    continue;
                }
                Step::Down(name) => name,
            };
            let entry = here.join(name);
            let found = fs::symlink_metadata(&entry).ok();
            if found.as_ref().is_some_and(|found| found.is_dir()) && !ahead.is_empty() {
                here = entry;
                continue;
            }
            places.folders.insert(here.clone());
            places.entries.insert(entry.clone());
            let target = match found {
                Some(found) if found.is_symlink() => fs::read_link(&entry),
                _ => break,
            };
            links += 1;
            match target {
                Ok(target) if links <= MAX_LINKS => ahead.extend(steps(&target)),
                _ => break,
            }
        }
        places
    }

    /// Whether what happened to a path matters: to what is on the way, or to a watched folder.
    pub(super) fn concern(&self, path: &Path) -> bool {
        self.entries.contains(path) || self.folders.contains(path)
    }
}

enum Step {
    Root(PathBuf),
    Up,
    Down(OsString),
}

/// The steps of a path, the first one last.
fn steps(path: &Path) -> Vec<Step> {
    let step = |component: Component<'_>| match component {
        Component::Prefix(prefix) => Some(Step::Root(prefix.as_os_str().into())),
        Component::RootDir => Some(Step::Root(Component::RootDir.as_os_str().into())),
        Component::CurDir => None,
        Component::ParentDir => Some(Step::Up),
        Component::Normal(name) => Some(Step::Down(name.to_owned())),
    };
    let mut steps: Vec<Step> = path.components().filter_map(step).collect();
    steps.reverse();
    steps
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn real(folder: &tempfile::TempDir) -> PathBuf {
        folder.path().canonicalize().unwrap()
    }

    fn paths(root: &Path, names: &[&str]) -> BTreeSet<PathBuf> {
        names.iter().map(|name| root.join(name)).collect()
    }

    #[test]
    fn a_plain_file_is_watched_in_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let root = real(&folder);
        for there in [false, true] {
            if there {
                fs::write(root.join("limits.yaml"), "").unwrap();
            }
            let places = Places::on_the_way_to(&root.join("limits.yaml"));
            assert_eq!(places.folders, BTreeSet::from([root.clone()]));
            assert_eq!(places.entries, paths(&root, &["limits.yaml"]));
            assert!(places.concern(&root.join("limits.yaml")) && places.concern(&root));
            assert!(!places.concern(&root.join("other.yaml")));
        }
    }

    #[test]
    fn every_link_of_a_config_map_is_watched() {
        let folder = tempfile::tempdir().unwrap();
        let root = real(&folder);
        fs::create_dir(root.join("..2024_x")).unwrap();
        fs::write(root.join("..2024_x/limits.yaml"), "").unwrap();
        symlink("..2024_x", root.join("..data")).unwrap();
        symlink("..data/limits.yaml", root.join("limits.yaml")).unwrap();
        let places = Places::on_the_way_to(&root.join("limits.yaml"));
        assert_eq!(places.folders, BTreeSet::from([root.clone(), root.join("..2024_x")]));
        let entries = ["limits.yaml", "..data", "..2024_x/limits.yaml"];
        assert_eq!(places.entries, paths(&root, &entries));
    }

    #[test]
    fn the_first_step_that_is_missing_is_watched_for() {
        let folder = tempfile::tempdir().unwrap();
        let root = real(&folder);
        let places = Places::on_the_way_to(&root.join("a/b/limits.yaml"));
        assert_eq!(places.folders, BTreeSet::from([root.clone()]));
        assert_eq!(places.entries, paths(&root, &["a"]));
    }

    #[test]
    fn links_upwards_and_from_the_root_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let root = real(&folder);
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::create_dir(root.join("c")).unwrap();
        symlink("../../c", root.join("a/b/up")).unwrap();
        symlink(root.join("a/b/up"), root.join("whole")).unwrap();
        let places = Places::on_the_way_to(&root.join("whole/./limits.yaml"));
        assert_eq!(places.entries, paths(&root, &["whole", "a/b/up", "c/limits.yaml"]));
    }

    #[test]
    fn links_in_a_circle_end() {
        let folder = tempfile::tempdir().unwrap();
        let root = real(&folder);
        symlink("b", root.join("a")).unwrap();
        symlink("a", root.join("b")).unwrap();
        let places = Places::on_the_way_to(&root.join("a"));
        assert_eq!(places.entries, paths(&root, &["a", "b"]));
    }
}
