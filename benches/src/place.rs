//! Where the programs write what they found.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The place that was asked for; else `book` among the book's sources if the run was a whole one,
/// whose numbers are meant to be read, and `temporary` in the folder for temporary files if not.
pub fn choose(asked: Option<PathBuf>, is_whole: bool, book: &str, temporary: &str) -> PathBuf {
    asked.unwrap_or_else(|| {
        if is_whole {
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src").join(book)
        } else {
            env::temp_dir().join(temporary)
        }
    })
}
