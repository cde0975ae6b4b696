//! Where a server listens, as people write it.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a server listens: `127.0.0.1:5001`, `[::1]:5001` or `unix:/run/rcmgr.sock`.
///
/// ```
/// use rcmgr_admin::Listen;
///
/// let listen: Listen = "unix:/run/rcmgr.sock".parse()?;
/// assert_eq!(listen, Listen::Unix("/run/rcmgr.sock".into()));
/// assert!("localhost:5001".parse::<Listen>().is_err());
/// # Ok::<(), rcmgr_admin::InvalidListen>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Listen {
    /// An address of TCP. Port 0 lets the system choose one.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

/// What is no place to listen at. Whoever reports it says where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidListen {
    /// Neither `unix:` nor an address with a port.
    #[error(
        "it is neither an address with a port such as 127.0.0.1:5001 or [::1]:5001 \
         nor a socket such as unix:/run/rcmgr.sock"
    )]
    NotAnAddress,
    /// A host by name: what it means could change between a check and the use.
    #[error("it names a host; write its address, such as 127.0.0.1:5001")]
    Name,
    /// An address alone.
    #[error("it has no port; add one, such as 127.0.0.1:5001")]
    NoPort,
    /// `unix:` alone.
    #[error("no path follows unix:; write one, such as unix:/run/rcmgr.sock")]
    NoPath,
    /// A URL.
    #[error("it is a URL; leave out what is before and after the address and port")]
    Url,
}

impl Listen {
    /// Whether only programs on this machine can reach it.
    pub fn is_local(&self) -> bool {
        match self {
            Listen::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Listen::Unix(_) => true,
        }
    }
}

impl FromStr for Listen {
    type Err = InvalidListen;

    fn from_str(text: &str) -> Result<Listen, InvalidListen> {
        if let Some(path) = text.strip_prefix("unix:") {
            return match path.is_empty() {
                true => Err(InvalidListen::NoPath),
                false => Ok(Listen::Unix(path.into())),
            };
        }
        text.parse().map(Listen::Tcp).map_err(|_| why_no_address(text))
    }
}

fn why_no_address(text: &str) -> InvalidListen {
    if text.contains("://") {
        return InvalidListen::Url;
    }
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    if bare.parse::<std::net::IpAddr>().is_ok() {
        return InvalidListen::NoPort;
    }
    match text.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() && is_name(host) => InvalidListen::Name,
        _ => InvalidListen::NotAnAddress,
    }
}

fn is_name(host: &str) -> bool {
    let of_a_name = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    host.bytes().all(of_a_name) && host.bytes().any(|b| b.is_ascii_alphabetic())
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Tcp(address) => address.fmt(f),
            Listen::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_listened_at_is_shown_as_it_is_read() {
        for text in ["127.0.0.1:5001", "[::1]:5001", "0.0.0.0:0", "unix:/run/a b.sock", "unix:x"] {
            assert_eq!(text.parse::<Listen>().map(|listen| listen.to_string()), Ok(text.into()));
        }
    }

    #[test]
    fn what_is_no_place_to_listen_at_says_why() {
        use InvalidListen::*;
        for (text, error) in [
            ("", NotAnAddress),
            ("5001", NotAnAddress),
            (":5001", NotAnAddress),
            ("127.0.0.1:70000", NotAnAddress),
            ("300.0.0.1:5001", NotAnAddress),
            ("127.0.0.1", NoPort),
            ("::1", NoPort),
            ("[::1]", NoPort),
            ("localhost:5001", Name),
            ("node-1.example:5001", Name),
            ("unix:", NoPath),
            ("http://127.0.0.1:5001", Url),
            ("unix//run/rcmgr.sock", NotAnAddress),
        ] {
            assert_eq!(text.parse::<Listen>(), Err(error), "{text:?}");
        }
    }

    #[test]
    fn loopback_and_sockets_are_local() {
        for (text, local) in [
            ("127.0.0.1:1", true),
            ("127.9.9.9:1", true),
            ("[::1]:1", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("unix:x", true),
            ("0.0.0.0:1", false),
            ("[::]:1", false),
            ("10.0.0.1:1", false),
            ("[::ffff:10.0.0.1]:1", false),
        ] {
            assert_eq!(text.parse::<Listen>().map(|listen| listen.is_local()), Ok(local), "{text}");
        }
    }
}
