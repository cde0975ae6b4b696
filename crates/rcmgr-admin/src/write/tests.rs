//! What becomes of a file that is replaced, and of one that is not.

use super::*;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn names(folder: &Path) -> Vec<String> {
    let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    names
}

#[test]
fn a_file_is_made_or_replaced_and_nothing_is_left_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("limits.yaml");
    replace_file(&path, b"1").unwrap();
    assert_eq!(mode(&path) & !0o644, 0);
    let inode = fs::metadata(&path).unwrap().ino();
    let mut reader = File::open(&path).unwrap();
    replace_file(&path, b"2").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"2");
    assert_ne!(fs::metadata(&path).unwrap().ino(), inode);
    let mut old = String::new();
    io::Read::read_to_string(&mut reader, &mut old).unwrap();
    assert_eq!(old, "1");
    assert_eq!(names(folder.path()), ["limits.yaml"]);
}

#[test]
fn mode_and_owner_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("limits.yaml");
    fs::write(&path, "1").unwrap();
    let owner = |path: &Path| fs::metadata(path).map(|found| (found.uid(), found.gid())).unwrap();
    // Only root may; for others it stays its own.
    let _ = std::os::unix::fs::chown(&path, Some(1234), Some(4321));
    let before = owner(&path);
    for bits in [0o600, 0o640, 0o664, 0o444] {
        fs::set_permissions(&path, fs::Permissions::from_mode(bits)).unwrap();
        replace_file(&path, b"2").unwrap();
        assert_eq!((mode(&path), owner(&path)), (bits, before));
    }
}

#[test]
fn another_group_may_do_no_more_than_others() {
    for (old, new) in
        [(0o640, 0o600), (0o644, 0o644), (0o664, 0o644), (0o604, 0o604), (0o660, 0o600)]
    {
        assert_eq!(mode_for(old, false), new, "{old:o}");
        assert_eq!(mode_for(old, true), old);
    }
}

#[test]
fn links_stay_and_their_target_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir(root.join("real")).unwrap();
    symlink("real/limits.yaml", root.join("middle")).unwrap();
    symlink(root.join("middle"), root.join("limits.yaml")).unwrap();
    for text in ["made", "replaced"] {
        replace_file(&root.join("limits.yaml"), text.as_bytes()).unwrap();
        assert_eq!(fs::read_to_string(root.join("real/limits.yaml")).unwrap(), text);
        assert!(fs::symlink_metadata(root.join("limits.yaml")).unwrap().is_symlink());
        assert_eq!(names(&root.join("real")), ["limits.yaml"]);
    }
}

#[test]
fn a_config_map_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir(root.join("..2024_x")).unwrap();
    fs::write(root.join("..2024_x/limits.yaml"), "1").unwrap();
    symlink("..2024_x", root.join("..data")).unwrap();
    symlink("..data/limits.yaml", root.join("limits.yaml")).unwrap();
    symlink("limits.yaml", root.join("own-link")).unwrap();
    for name in ["limits.yaml", "own-link"] {
        let error = replace_file(&root.join(name), b"2").unwrap_err();
        assert!(matches!(error, WriteError::ConfigMap { .. }), "{error}");
        assert!(error.to_string().starts_with(&root.join(name).display().to_string()));
    }
    assert_eq!(fs::read_to_string(root.join("limits.yaml")).unwrap(), "1");
}

#[test]
fn what_is_no_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir(root.join("folder")).unwrap();
    symlink("circle", root.join("circle")).unwrap();
    let shown = |path: &Path| replace_file(path, b"").unwrap_err().to_string();
    assert!(shown(&root.join("folder")).contains("no regular file"));
    assert!(shown(Path::new("/dev/null")).contains("no regular file"));
    assert!(shown(Path::new("/")).contains("no regular file"));
    assert!(shown(&root.join("circle")).contains("symbolic links"));
    assert!(shown(&root.join("missing/limits.yaml")).contains("No such file"));
    assert_eq!(names(root), ["circle", "folder"]);
}

#[test]
fn a_file_system_that_cannot_be_written_says_so() {
    // Neither can be written, and not even root is denied but by the file system.
    for path in ["/proc/version", "/sys/limits.yaml"] {
        let error = replace_file(Path::new(path), b"").unwrap_err();
        assert!(error.to_string().starts_with(path), "{error}");
    }
}
