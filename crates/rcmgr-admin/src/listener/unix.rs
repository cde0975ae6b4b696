//! A Unix socket: its file is made for its owner alone, and is removed at the end.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixSocket, UnixStream};

use super::BindError;
use crate::listen::Listen;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 128;

/// A Unix socket that is listened on. Dropping it removes its file.
pub(crate) struct Socket {
    listener: UnixListener,
    file: File,
}

/// The file of a socket, by name and by identity: who comes after may have put another there.
struct File {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Socket {
    /// Makes the socket with mode 0600.
    ///
    /// The mode is set after the file is made and before the socket is listened on, so nobody can
    /// have connected before. What remains: who may write to the folder can put another file in
    /// its place at any time, and of two nodes that replace the same stale socket at the same
    /// moment the later one gets it.
    pub(crate) async fn bind(path: &Path) -> Result<Socket, BindError> {
        remove_stale(path).await?;
        let listen = |path: &Path| {
            let socket = UnixSocket::new_stream()?;
            socket.bind(path)?;
            // From here on the file is removed when something fails.
            let file = File::of(path)?;
            fs::set_permissions(path, Permissions::from_mode(0o600))?;
            Ok(Socket { listener: socket.listen(BACKLOG)?, file })
        };
        listen(path).map_err(|error| io_error(path, error))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.file.path
    }

    pub(crate) async fn accept(&self) -> io::Result<UnixStream> {
        Ok(self.listener.accept().await?.0)
    }
}

/// Removes the socket of a program that is gone: one where nobody answers.
async fn remove_stale(path: &Path) -> Result<(), BindError> {
    use io::ErrorKind::{ConnectionRefused, NotFound, WouldBlock};
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == NotFound => return Ok(()),
        Err(error) => return Err(io_error(path, error)),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(BindError::NotASocket(path.to_owned()));
        }
        Ok(_) => {}
    }
    let refused = match UnixStream::connect(path).await {
        Ok(_) => return Err(BindError::Taken(Listen::Unix(path.to_owned()))),
        Err(error) => error,
    };
    match refused.kind() {
        ConnectionRefused => fs::remove_file(path).or_else(|error| match error.kind() {
            NotFound => Ok(()),
            _ => Err(io_error(path, error)),
        }),
        NotFound => Ok(()),
        // Its backlog is full.
        WouldBlock => Err(BindError::Taken(Listen::Unix(path.to_owned()))),
        _ => Err(io_error(path, refused)),
    }
}

fn io_error(path: &Path, error: io::Error) -> BindError {
    let listen = Listen::Unix(path.to_owned());
    match error.kind() {
        io::ErrorKind::AddrInUse => BindError::Taken(listen),
        _ => BindError::Io { listen, error },
    }
}

impl File {
    fn of(path: &Path) -> io::Result<File> {
        let found = fs::symlink_metadata(path)?;
        Ok(File { path: path.to_owned(), device: found.dev(), inode: found.ino() })
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let own = |found: &fs::Metadata| (found.dev(), found.ino()) == (self.device, self.inode);
        if fs::symlink_metadata(&self.path).is_ok_and(|found| own(&found))
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "the socket's file stays");
        }
    }
}
