//! Which service of the application a protocol belongs to.

use std::collections::HashMap;

use rcmgr_core::Name;

/// The services of an application, by the protocols that belong to them.
///
/// A stream is attached to the service of its protocol as soon as the protocol is agreed. A
/// protocol that is named itself belongs to the service said there; any other one to the service
/// of the longest prefix that it starts with; and without one to none. What is said again
/// replaces what was said before.
///
/// All names are the application's own: a remote party can create no service by its proposals.
/// Names are looked up in constant time, prefixes are tried one by one.
///
/// ```
/// use rcmgr_libp2p::{Config, Services};
///
/// let config = Config {
///     services: Services::default()
///         .with_protocol("/ipfs/kad/1.0.0", "dht")
///         .with_protocol("/ipfs/id/1.0.0", "identify")
///         .with_protocol("/ipfs/id/push/1.0.0", "identify")
///         // Of any version.
///         .with_prefix("/chat/", "chat"),
///     ..Config::default()
/// };
/// # let _ = config;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Services {
    by_protocol: HashMap<String, Name>,
    /// The longest first, and those of one length in the order of their bytes.
    by_prefix: Vec<(String, Name)>,
}

impl Services {
    /// The streams of `protocol`, which is the whole name, belong to `service`.
    #[must_use]
    pub fn with_protocol(mut self, protocol: impl Into<String>, service: impl Into<Name>) -> Self {
        self.by_protocol.insert(protocol.into(), service.into());
        self
    }

    /// The streams of all protocols whose names start with `prefix` belong to `service`, unless
    /// their own name or a longer prefix says otherwise. The empty prefix is that of all.
    ///
    /// Prefixes are compared as text: `/chat` is a prefix of `/chatter/1`, `/chat/` is not.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>, service: impl Into<Name>) -> Self {
        let (prefix, service) = (prefix.into(), service.into());
        let order = |other: &str| prefix.len().cmp(&other.len()).then(other.cmp(&prefix));
        match self.by_prefix.binary_search_by(|(other, _)| order(other)) {
            Ok(at) => self.by_prefix[at].1 = service,
            Err(at) => self.by_prefix.insert(at, (prefix, service)),
        }
        self
    }

    /// The service that a protocol belongs to.
    pub(crate) fn of(&self, protocol: &str) -> Option<&Name> {
        self.by_protocol.get(protocol).or_else(|| {
            let mut prefixes = self.by_prefix.iter();
            prefixes.find(|(prefix, _)| protocol.starts_with(prefix)).map(|(_, service)| service)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn of<'a>(services: &'a Services, protocol: &str) -> Option<&'a str> {
        services.of(protocol).map(|service| &**service)
    }

    #[test]
    fn a_name_goes_before_a_prefix_and_a_long_one_before_a_short_one() {
        let services = Services::default()
            .with_prefix("/chat/", "chat")
            .with_prefix("/chat/admin/", "admin")
            .with_protocol("/chat/admin/2", "second")
            .with_prefix("/b", "b");
        assert_eq!(of(&services, "/chat/1"), Some("chat"));
        assert_eq!(of(&services, "/chat/admin/1"), Some("admin"));
        assert_eq!(of(&services, "/chat/admin/2"), Some("second"));
        assert_eq!(of(&services, "/chat/admin/2.1"), Some("admin"));
        assert_eq!(of(&services, "/chat"), None);
        assert_eq!(of(&services, "/bitswap"), Some("b"));
        assert_eq!(of(&services.with_prefix("", "rest"), "/chat"), Some("rest"));
    }

    #[test]
    fn what_is_said_again_replaces() {
        let twice = Services::default()
            .with_protocol("/a/1", "old")
            .with_protocol("/a/1", "new")
            .with_prefix("/b/", "old")
            .with_prefix("/c/", "other")
            .with_prefix("/b/", "new");
        let once = Services::default()
            .with_prefix("/c/", "other")
            .with_prefix("/b/", "new")
            .with_protocol("/a/1", "new");
        assert_eq!(twice, once);
    }

    proptest! {
        #[test]
        fn the_longest_prefix_decides_whatever_the_order(
            prefixes in vec("[ab]{0,4}", 0..12),
            protocol in "[ab]{0,6}",
        ) {
            let mut services = Services::default();
            for prefix in &prefixes {
                // Each prefix is its own service.
                services = services.with_prefix(prefix.as_str(), prefix.as_str());
            }
            let known = prefixes.iter().filter(|prefix| protocol.starts_with(prefix.as_str()));
            let longest = known.max_by_key(|prefix| prefix.len()).map(String::as_str);
            prop_assert_eq!(of(&services, &protocol), longest);
        }
    }
}
