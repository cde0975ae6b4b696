//! The memory of spans that have ended, kept by each thread for the spans that it begins next.
//!
//! Spans come and go faster than anything else, on the thread that works with a connection or
//! stream, and all but those of shared scopes are of one size. What is kept is memory alone: no
//! owner, and so nothing of a manager.

use crate::span_state::SpanState;
use crate::sync::StrongArc;

/// Puts the state of a span that begins into memory of its own.
#[inline]
pub fn keep(state: SpanState) -> StrongArc<SpanState> {
    if state.is_memory_only()
        && let Some(mut spare) = kept::take()
        && let Some(place) = StrongArc::get_mut(&mut spare)
    {
        *place = state;
        return spare;
    }
    StrongArc::new(state)
}

/// Takes the memory of a span that has ended, unless someone has a reference to it yet.
#[inline]
pub fn take_back(mut state: StrongArc<SpanState>) {
    if let Some(ended) = StrongArc::get_mut(&mut state)
        && ended.is_memory_only()
    {
        // Before anything is borrowed: the owner may be freed by this.
        ended.forget_owner();
        kept::put(state);
    }
}

#[cfg(not(rcmgr_loom))]
mod kept {
    use core::cell::RefCell;

    use crate::span_state::SpanState;
    use crate::sync::StrongArc;

    /// How many a thread keeps at most: a few that are open at once, each in the other.
    const MOST: usize = 8;

    thread_local! {
        static KEPT: RefCell<Kept> = const { RefCell::new(Kept { count: 0, states: [const { None }; MOST] }) };
    }

    struct Kept {
        count: usize,
        states: [Option<StrongArc<SpanState>>; MOST],
    }

    /// Nothing is kept while the thread is being torn down.
    fn with<R>(use_it: impl FnOnce(&mut Kept) -> Option<R>) -> Option<R> {
        let used = KEPT.try_with(|kept| use_it(&mut *kept.try_borrow_mut().ok()?));
        used.ok().flatten()
    }

    #[inline]
    pub fn take() -> Option<StrongArc<SpanState>> {
        with(|kept| {
            let last = kept.count.checked_sub(1)?;
            kept.count = last;
            kept.states.get_mut(last)?.take()
        })
    }

    #[inline]
    pub fn put(state: StrongArc<SpanState>) {
        with(|kept| {
            let free = kept.states.get_mut(kept.count)?;
            *free = Some(state);
            kept.count += 1;
            Some(())
        });
    }
}

// What a thread of a model keeps would depend on the runs before it.
#[cfg(rcmgr_loom)]
mod kept {
    use crate::span_state::SpanState;
    use crate::sync::StrongArc;

    pub fn take() -> Option<StrongArc<SpanState>> {
        None
    }

    pub fn put(_: StrongArc<SpanState>) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaf::{Leaf, LeafKind};
    use crate::owner::Owner;
    use crate::registry::Registry;
    use crate::snapshot::Snapshot;
    use crate::{Direction, Limits};

    fn span(leaf: &StrongArc<Leaf>) -> SpanState {
        SpanState::new(Owner::Leaf(leaf.clone()), true).unwrap()
    }

    #[test]
    fn the_memory_of_a_span_is_used_again_and_keeps_nothing_else() {
        let registry = Registry::new(usize::MAX);
        let snapshot = Snapshot::new(Limits::default(), None);
        let kind = LeafKind::Stream(Direction::Inbound);
        let path = registry.pin_or_make_peer(b"peer");
        let leaf = Leaf::admit(kind, &snapshot).unwrap().open(path, &snapshot).unwrap();

        let first = keep(span(&leaf));
        let (number, place) = (first.number(), StrongArc::as_ptr(&first));
        take_back(first);
        assert_eq!(StrongArc::strong_count(&leaf), 1, "the owner is forgotten");
        let second = keep(span(&leaf));
        assert_eq!(StrongArc::as_ptr(&second), place);
        assert_ne!(second.number(), number);
        assert!(second.held().is_zero());

        let shared = second.clone();
        take_back(second);
        assert_eq!(StrongArc::strong_count(&leaf), 2, "someone has the span yet");
        assert_ne!(StrongArc::as_ptr(&keep(span(&leaf))), place);
        drop(shared);

        let many: Vec<_> = (0..100).map(|_| keep(span(&leaf))).collect();
        many.into_iter().for_each(take_back);
        assert_eq!(StrongArc::strong_count(&leaf), 1);
        leaf.close();
    }
}
