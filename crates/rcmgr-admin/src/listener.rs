//! The socket that a server listens on.

use std::io;
use std::path::PathBuf;

use tokio::net::TcpListener;

use crate::listen::Listen;
use crate::stream::Stream;

/// Why a server does not listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Others than this machine could reach it, and no token is asked of them.
    #[error(
        "{0}: it can be reached from other machines; give a token of at least {min} bytes by a \
         file or in {var}, or listen on 127.0.0.1 or a Unix socket",
        min = crate::token::MIN, var = crate::token::TOKEN_VARIABLE
    )]
    TokenNeeded(Listen),
    /// Another program listens there.
    #[error("{0}: another program listens there; stop it or choose another place")]
    Taken(Listen),
    /// Something else than a socket is there; it is left alone.
    #[error("{}: it is there and is no socket; remove it or choose another path", .0.display())]
    NotASocket(PathBuf),
    /// This system has no Unix sockets.
    #[error("{0}: there are no Unix sockets on this system; listen on 127.0.0.1")]
    Unsupported(Listen),
    /// The system does not let it.
    #[error("{listen}: {error}; choose a place where this user may listen")]
    Io {
        /// Where.
        listen: Listen,
        /// Why not.
        error: io::Error,
    },
}

/// A socket that is listened on.
pub(crate) enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(unix::Socket),
}

impl Listener {
    pub(crate) async fn bind(listen: &Listen) -> Result<Listener, BindError> {
        match listen {
            Listen::Tcp(address) => match TcpListener::bind(address).await {
                Ok(listener) => Ok(Listener::Tcp(listener)),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    Err(BindError::Taken(listen.clone()))
                }
                Err(error) => Err(BindError::Io { listen: listen.clone(), error }),
            },
            #[cfg(unix)]
            Listen::Unix(path) => unix::Socket::bind(path).await.map(Listener::Unix),
            #[cfg(not(unix))]
            Listen::Unix(_) => Err(BindError::Unsupported(listen.clone())),
        }
    }

    /// Where it listens, with the port that the system chose.
    pub(crate) fn local(&self) -> io::Result<Listen> {
        match self {
            Listener::Tcp(listener) => listener.local_addr().map(Listen::Tcp),
            #[cfg(unix)]
            Listener::Unix(socket) => Ok(Listen::Unix(socket.path().to_owned())),
        }
    }

    pub(crate) async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        match self {
            Listener::Tcp(listener) => Ok(Box::new(listener.accept().await?.0)),
            #[cfg(unix)]
            Listener::Unix(socket) => Ok(Box::new(socket.accept().await?)),
        }
    }
}

#[cfg(unix)]
mod unix;
