//! A connection to the node by the byte: noise from the library, yamux frames by hand, and no
//! flow control, no limits and no waiting on this side.

use std::{io, net::Ipv4Addr};

use futures::{
    AsyncReadExt as _, AsyncWriteExt as _,
    io::{ReadHalf, WriteHalf},
};
use libp2p::{
    core::upgrade::OutboundConnectionUpgrade as _, identity::Keypair, noise, tcp::tokio::TcpStream,
};
use tokio::task::AbortHandle;

use crate::{
    attack::sockets,
    demo::{client::Target, multistream},
};

const NOISE: &str = "/noise";
const YAMUX: &str = "/yamux/1.0.0";

/// The window of a stream that yamux begins with.
pub const WINDOW: usize = 256 << 10;

type Socket = noise::Output<TcpStream>;

const DATA: u8 = 0;
const SYN: u16 = 1;
const RESET: u16 = 8;

/// A connection whose handshake is finished.
pub struct Wire {
    writer: WriteHalf<Socket>,
    reader: Option<ReadHalf<Socket>>,
    /// Frames that wait to be sent together.
    frames: Vec<u8>,
    next_stream: u32,
    /// Takes what the node says.
    listener: Option<AbortHandle>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            listener.abort();
        }
    }
}

impl Wire {
    /// Connects from an address and finishes the handshake.
    ///
    /// # Errors
    /// The node refuses or hangs up.
    pub async fn dial(target: &Target, from: Ipv4Addr, keypair: &Keypair) -> io::Result<Wire> {
        let socket = sockets::connect(from, target.socket).await?;
        // An attacker keeps no half-closed connections.
        socket.set_zero_linger()?;
        let mut socket = TcpStream(socket);
        select(&mut socket, NOISE).await?;
        let noise = noise::Config::new(keypair).map_err(io::Error::other)?;
        let (_, mut socket) =
            noise.upgrade_outbound(socket, NOISE).await.map_err(io::Error::other)?;
        select(&mut socket, YAMUX).await?;
        let (reader, writer) = socket.split();
        Ok(Wire {
            writer,
            reader: Some(reader),
            frames: Vec::new(),
            next_stream: 1,
            listener: None,
        })
    }

    /// From now on takes what the node says and throws it away. Without this the node finds after
    /// some kilobytes that it cannot send any more.
    pub fn listen(&mut self) {
        if let Some(reader) = self.reader.take() {
            self.listener = Some(tokio::spawn(drain(reader)).abort_handle());
        }
    }

    /// Opens a stream with its first bytes, and gives its number.
    pub fn open(&mut self, bytes: &[u8]) -> u32 {
        let stream = self.next_stream;
        // After two billion the node takes it for a mistake and hangs up, which is as well.
        self.next_stream = self.next_stream.wrapping_add(2);
        self.frame(SYN, stream, bytes);
        stream
    }

    /// Sends on a stream.
    pub fn data(&mut self, stream: u32, bytes: &[u8]) {
        self.frame(0, stream, bytes);
    }

    /// Resets a stream.
    pub fn reset(&mut self, stream: u32) {
        self.frame(RESET, stream, &[]);
    }

    fn frame(&mut self, flags: u16, stream: u32, bytes: &[u8]) {
        self.frames.extend_from_slice(&[0, DATA]);
        self.frames.extend_from_slice(&flags.to_be_bytes());
        self.frames.extend_from_slice(&stream.to_be_bytes());
        self.frames.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        self.frames.extend_from_slice(bytes);
    }

    /// Sends the frames.
    ///
    /// # Errors
    /// The node has hung up.
    pub async fn send(&mut self) -> io::Result<()> {
        self.writer.write_all(&self.frames).await?;
        self.frames.clear();
        self.writer.flush().await
    }

    /// Waits until the node hangs up, and throws away what it says.
    pub async fn closed(mut self) {
        if let Some(reader) = self.reader.take() {
            drain(reader).await;
        }
    }
}

async fn drain(mut reader: ReadHalf<Socket>) {
    let mut ignored = vec![0; 16 << 10];
    while matches!(reader.read(&mut ignored).await, Ok(1..)) {}
}

/// Proposes one protocol, and takes the agreement.
async fn select<S>(socket: &mut S, protocol: &str) -> io::Result<()>
where
    S: futures::AsyncRead + futures::AsyncWrite + Unpin,
{
    let proposal = multistream::proposal(protocol);
    socket.write_all(&proposal).await?;
    socket.flush().await?;
    // Who agrees says the same.
    let mut answer = vec![0; proposal.len()];
    socket.read_exact(&mut answer).await?;
    match answer == proposal {
        true => Ok(()),
        false => Err(io::Error::other(format!("the node does not agree to {protocol}"))),
    }
}
