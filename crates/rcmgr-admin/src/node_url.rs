//! Where a node is asked, as people write it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use hyper::Uri;
use hyper::http::uri::Authority;

use crate::listen::Listen;

/// Where a node is asked: `http://127.0.0.1:5001` or `unix:/run/rcmgr.sock`.
///
/// ```
/// use rcmgr_admin::NodeUrl;
///
/// let url: NodeUrl = "http://127.0.0.1:5001/".parse()?;
/// assert_eq!(url.to_string(), "http://127.0.0.1:5001");
/// assert!("https://127.0.0.1:5001".parse::<NodeUrl>().is_err());
/// # Ok::<(), rcmgr_admin::InvalidNodeUrl>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeUrl(pub(crate) Place);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Tcp(Authority),
    Unix(PathBuf),
}

/// What is no URL of a node. Whoever reports it says where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNodeUrl {
    /// Neither `http://` nor `unix:`.
    #[error("it is neither a URL such as http://127.0.0.1:5001 nor unix:/run/rcmgr.sock")]
    NotAUrl,
    /// An address without `http://`.
    #[error("it has no scheme; write http:// before the address")]
    NoScheme,
    /// A node speaks plain HTTP.
    #[error(
        "https is not supported; use a tunnel, such as ssh -L 5001:127.0.0.1:5001 HOST, \
         and http://127.0.0.1:5001"
    )]
    Https,
    /// `unix:` alone.
    #[error("no path follows unix:; write one, such as unix:/run/rcmgr.sock")]
    NoPath,
    /// More than a host and a port.
    #[error("leave out what follows the host and the port")]
    Path,
    /// A name or password before the host.
    #[error("leave out what is before the @; a token is given apart")]
    User,
}

/// Where a node that listens there is asked from this machine.
impl From<&Listen> for NodeUrl {
    fn from(listen: &Listen) -> NodeUrl {
        NodeUrl(match listen {
            Listen::Tcp(address) => {
                let authority = address.to_string().parse();
                Place::Tcp(authority.expect("an address and a port are an authority"))
            }
            Listen::Unix(path) => Place::Unix(path.clone()),
        })
    }
}

impl NodeUrl {
    /// The authority for the request's `Host` header.
    pub(crate) fn host(&self) -> &str {
        match &self.0 {
            Place::Tcp(authority) => authority.as_str(),
            Place::Unix(_) => "localhost",
        }
    }
}

impl FromStr for NodeUrl {
    type Err = InvalidNodeUrl;

    fn from_str(text: &str) -> Result<NodeUrl, InvalidNodeUrl> {
        if let Some(path) = text.strip_prefix("unix:") {
            return match path.is_empty() {
                true => Err(InvalidNodeUrl::NoPath),
                false => Ok(NodeUrl(Place::Unix(path.into()))),
            };
        }
        if !text.contains("://") {
            return Err(match text.parse::<Authority>() {
                Ok(authority) if authority.port_u16().is_some() => InvalidNodeUrl::NoScheme,
                _ => InvalidNodeUrl::NotAUrl,
            });
        }
        // `Uri` drops a fragment.
        if text.contains('#') {
            return Err(InvalidNodeUrl::Path);
        }
        let uri: Uri = text.parse().map_err(|_| InvalidNodeUrl::NotAUrl)?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(InvalidNodeUrl::Https),
            _ => return Err(InvalidNodeUrl::NotAUrl),
        }
        let authority = uri.authority().ok_or(InvalidNodeUrl::NotAUrl)?;
        if authority.as_str().contains('@') {
            return Err(InvalidNodeUrl::User);
        }
        let has_port = authority.as_str().len() > authority.host().len();
        if authority.host().is_empty() || has_port && authority.port_u16().is_none() {
            return Err(InvalidNodeUrl::NotAUrl);
        }
        match uri.path_and_query().is_none_or(|path| path.as_str() == "/") {
            true => Ok(NodeUrl(Place::Tcp(authority.clone()))),
            false => Err(InvalidNodeUrl::Path),
        }
    }
}

impl fmt::Display for NodeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Tcp(authority) => write!(f, "http://{authority}"),
            Place::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn urls_are_shown_as_they_are_read() {
        for text in [
            "http://127.0.0.1:5001",
            "http://[::1]:5001",
            "http://node-1.example",
            "unix:/run/rcmgr.sock",
            "unix:rcmgr.sock",
        ] {
            assert_eq!(text.parse::<NodeUrl>().map(|url| url.to_string()), Ok(text.into()));
        }
    }

    #[test]
    fn what_is_no_url_of_a_node_says_why() {
        use InvalidNodeUrl::*;
        for (text, error) in [
            ("", NotAUrl),
            ("node", NotAUrl),
            ("127.0.0.1:5001", NoScheme),
            ("localhost:5001", NoScheme),
            ("https://127.0.0.1:5001", Https),
            ("ftp://127.0.0.1", NotAUrl),
            ("http://", NotAUrl),
            ("http://:5001", NotAUrl),
            ("http://127.0.0.1:", NotAUrl),
            ("http://127.0.0.1:99999", NotAUrl),
            ("http://127.0.0.1:5001/limits", Path),
            ("http://127.0.0.1:5001/?explain=1", Path),
            ("http://127.0.0.1:5001#limits", Path),
            ("http://me@127.0.0.1:5001", User),
            ("http://a b", NotAUrl),
            ("unix:", NoPath),
        ] {
            assert_eq!(text.parse::<NodeUrl>(), Err(error), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_url_that_reads_back_or_an_error(text in "(http://|unix:)?\\PC{0,24}") {
            if let Ok(url) = text.parse::<NodeUrl>() {
                prop_assert_eq!(url.to_string().parse(), Ok(url));
            }
        }
    }
}
