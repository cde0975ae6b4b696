//! What a file did not tell.

use std::io;
use std::path::PathBuf;

/// Why a file of the kernel tells nothing. Nothing depends on what it would have told.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// It cannot be read, or is not there.
    #[error("{}: {error}; what it tells is not known until it can be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// It holds something else than what was expected.
    #[error("{}: it holds {text:?}, which is not understood", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// How its text begins.
        text: String,
    },
}
