//! A connection, whatever it runs over.

use tokio::io::{AsyncRead, AsyncWrite};

/// Bytes to and from the other side, over TCP or a Unix socket.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}
