//! Which enrolled protocols a stream belongs to, by the name of its protocol.

use rcmgr_core::Name;

use crate::quota::{Slot, Slots};

/// Names of stream protocols that belong to an enrolled protocol.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Matcher {
    /// This name.
    Exact(Name),
    /// Names that begin so. `/ipfs/kad/` begins all versions of it, `/ipfs/kad` also
    /// `/ipfs/kademlia`.
    Prefix(Name),
}

impl Matcher {
    pub(crate) fn text(&self) -> &Name {
        match self {
            Matcher::Exact(text) | Matcher::Prefix(text) => text,
        }
    }
}

/// A table from names of stream protocols to the enrolled protocols that they belong to. It does
/// not change: [`Quotas::routes`](super::Quotas::routes) gives the one in force, to be kept where
/// streams are opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes(Vec<Route>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Route {
    text: Name,
    /// Whom this very name belongs to.
    exact: Slots,
    /// Whom names that begin so belong to: by this text, and by all others that begin it.
    prefix: Slots,
    /// The longest other text that begins this one.
    parent: Option<usize>,
}

impl Routes {
    pub(crate) fn new<'a>(matchers: impl Iterator<Item = (Slot, &'a Matcher)>) -> Routes {
        let mut sorted: Vec<_> =
            matchers.map(|(slot, matcher)| (matcher.text(), slot, matcher)).collect();
        sorted.sort_unstable_by_key(|(text, slot, _)| (*text, *slot));
        let mut routes: Vec<Route> = Vec::with_capacity(sorted.len());
        for (text, slot, matcher) in sorted {
            if routes.last().is_none_or(|last| last.text != *text) {
                let parent = ancestor(&routes, routes.len().checked_sub(1), text);
                let prefix = parent.map_or(Slots::EMPTY, |parent| routes[parent].prefix);
                routes.push(Route { text: text.clone(), exact: Slots::EMPTY, prefix, parent });
            }
            let Some(route) = routes.last_mut() else { continue };
            match matcher {
                Matcher::Exact(_) => route.exact = route.exact.with(slot),
                Matcher::Prefix(_) => route.prefix = route.prefix.with(slot),
            }
        }
        Routes(routes)
    }

    /// The protocols that a stream of this name belongs to. Takes time in proportion to the
    /// logarithm of the number of matchers, and to how many of them begin with one another.
    pub fn slots_of(&self, protocol: &str) -> Slots {
        // What begins the name sorts before it, and begins all that sorts between the two.
        let before = self.0.partition_point(|route| *route.text <= *protocol);
        let Some(at) = ancestor(&self.0, before.checked_sub(1), protocol) else {
            return Slots::EMPTY;
        };
        let route = &self.0[at];
        let exact = if *route.text == *protocol { route.exact } else { Slots::EMPTY };
        exact.iter().fold(route.prefix, Slots::with)
    }
}

/// The longest text that begins `name`, from route `at` on towards shorter ones.
fn ancestor(routes: &[Route], mut at: Option<usize>, name: &str) -> Option<usize> {
    while let Some(route) = at.map(|at| &routes[at]) {
        if name.starts_with(&*route.text) {
            break;
        }
        at = route.parent;
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slot(number: usize) -> Slot {
        Slot::new(number as u8).unwrap()
    }

    fn routes(matchers: &[Matcher]) -> Routes {
        Routes::new(matchers.iter().enumerate().map(|(at, matcher)| (slot(at % 64), matcher)))
    }

    #[test]
    fn a_name_belongs_to_all_whose_matchers_fit() {
        let routes = routes(&[
            Matcher::Prefix("/ipfs/kad/".into()),
            Matcher::Exact("/ipfs/kad/1.0.0".into()),
            Matcher::Prefix("/ipfs/".into()),
            Matcher::Exact("/ipfs/".into()),
            Matcher::Prefix("/meshsub/".into()),
        ]);
        let of = |name| routes.slots_of(name).iter().map(Slot::index).collect::<Vec<_>>();
        assert_eq!(of("/ipfs/kad/1.0.0"), [0, 1, 2]);
        assert_eq!(of("/ipfs/kad/2.0.0"), [0, 2]);
        assert_eq!(of("/ipfs/kademlia"), [2]);
        assert_eq!(of("/ipfs/"), [2, 3]);
        assert_eq!(of("/meshsub/1.1.0"), [4]);
        assert_eq!(of("/meshsub"), [0; 0]);
        assert_eq!(of(""), [0; 0]);
        assert_eq!(Routes::default().slots_of("/ipfs/"), Slots::EMPTY);
    }

    fn any_matcher() -> impl Strategy<Value = Matcher> {
        ("[ab]{0,5}", any::<bool>()).prop_map(|(text, exact)| match exact {
            true => Matcher::Exact(text.into()),
            false => Matcher::Prefix(text.into()),
        })
    }

    proptest! {
        #[test]
        fn the_table_finds_what_looking_at_each_matcher_finds(
            matchers in prop::collection::vec(any_matcher(), 0..64),
            names in prop::collection::vec("[abc]{0,7}", 1..20),
        ) {
            let table = routes(&matchers);
            for name in names {
                let fits = |matcher: &Matcher| match matcher {
                    Matcher::Exact(text) => **text == *name,
                    Matcher::Prefix(text) => name.starts_with(&**text),
                };
                let fitting = (0..matchers.len()).filter(|at| fits(&matchers[*at]));
                prop_assert_eq!(table.slots_of(&name), fitting.fold(Slots::EMPTY, |all, at| all.with(slot(at))));
            }
        }
    }
}
