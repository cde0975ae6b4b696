//! The four counter words of a shared scope or span: cells around the values of `word`.

use crate::snapshot::Snapshot;
use crate::sync::{AtomicWord, Ordering, faults};
use crate::word::{Fields, Kind, Verdict, Word, admit, is_nothing, uses};
use crate::{Amount, Error, Priority, Resource, ScopeId, ScopeLimit};

/// What an operation asks for, and the one snapshot that it goes by.
#[derive(Clone, Copy)]
pub struct Request<'s> {
    pub amount: Amount,
    /// Memory is asked for, be it 0 bytes: a scope over its threshold refuses even that.
    pub memory: bool,
    pub priority: Priority,
    pub snapshot: &'s Snapshot,
}

impl<'s> Request<'s> {
    /// A request for memory alone.
    #[inline(always)]
    pub fn memory(snapshot: &'s Snapshot, bytes: u64, priority: Priority) -> Self {
        Request { amount: Amount::memory(bytes), memory: true, priority, snapshot }
    }

    /// A request for all of an amount; resources of which it has nothing are not asked for.
    pub fn all(snapshot: &'s Snapshot, amount: Amount, priority: Priority) -> Self {
        Request { amount, memory: amount.memory != 0, priority, snapshot }
    }

    /// Whether nothing at all is asked for, and so nobody is asked.
    #[inline(always)]
    pub fn is_for_nothing(&self) -> bool {
        !self.memory && self.amount.is_zero()
    }

    /// R10: whether the priority suffices for memory at this moment, whatever room there is.
    #[inline(always)]
    pub fn check_priority(&self) -> Result<(), Error> {
        let (asked, required) = (self.priority, self.snapshot.required_priority());
        if self.memory && asked < required {
            return Err(Error::MemoryPressure { asked, required });
        }
        Ok(())
    }

    /// Whether nothing but memory is asked for.
    #[inline(always)]
    pub fn is_for_memory_alone(&self) -> bool {
        self.memory && self.amount == Amount::memory(self.amount.memory)
    }

    /// Whether a kind of word is asked for.
    #[inline(always)]
    pub fn asks(&self, kind: Kind) -> bool {
        match kind {
            Kind::Memory => self.memory,
            _ => !is_nothing(kind.part(&self.amount)),
        }
    }
}

/// Why a scope did not take a charge.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop {
    /// Its limit has no room.
    Refused(Verdict),
    /// A field of its word has no room.
    Full(Resource),
    /// It is a span that is closed.
    Closed,
}

/// Why nothing was taken out of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untaken {
    /// It does not hold so much.
    Short,
    /// It is a span's, and closed.
    Closed,
}

/// What a scope holds.
#[derive(Debug)]
pub struct Counters<const SPAN: bool, W = [AtomicWord; 4]> {
    words: W,
}

/// Where the words of a scope are.
pub trait Words {
    /// The word of a kind; `None` where nothing of it can be held.
    fn get(&self, kind: Kind) -> Option<&AtomicWord>;
}

impl Words for [AtomicWord; 4] {
    #[inline(always)]
    fn get(&self, kind: Kind) -> Option<&AtomicWord> {
        Some(&self[kind as usize])
    }
}

/// The words of a span, most of which hold memory only.
#[derive(Debug)]
pub struct SpanWords {
    memory: AtomicWord,
    others: Option<Box<[AtomicWord; 3]>>,
}

impl SpanWords {
    pub fn is_memory_only(&self) -> bool {
        self.others.is_none()
    }
}

impl Words for SpanWords {
    #[inline(always)]
    fn get(&self, kind: Kind) -> Option<&AtomicWord> {
        match kind {
            Kind::Memory => Some(&self.memory),
            other => self.others.as_ref().map(|words| &words[other as usize - 1]),
        }
    }
}

impl core::fmt::Debug for AtomicWord {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // Relaxed: to be looked at.
        write!(f, "{:#018x}", self.load(Ordering::Relaxed))
    }
}

fn zeros<const N: usize>() -> [AtomicWord; N] {
    [(); N].map(|()| AtomicWord::new(0))
}

impl Counters<false> {
    /// The counters of a shared scope.
    pub fn new() -> Self {
        Counters { words: zeros() }
    }
}

impl Counters<true, SpanWords> {
    /// The counters of a span, which may hold memory alone, or everything.
    pub fn of_span(memory_only: bool) -> Self {
        let others = (!memory_only).then(|| Box::new(zeros()));
        Counters { words: SpanWords { memory: AtomicWord::new(0), others } }
    }

    pub fn is_memory_only(&self) -> bool {
        self.words.is_memory_only()
    }
}

impl<const SPAN: bool, W: Words> Counters<SPAN, W> {
    #[inline(always)]
    fn word(&self, kind: Kind) -> &AtomicWord {
        match self.words.get(kind) {
            Some(word) => word,
            None => unreachable!("whoever asks a span of memory for more was told before"),
        }
    }

    /// The words that there are.
    fn all(&self) -> impl Iterator<Item = (Kind, &AtomicWord)> {
        Kind::ALL.into_iter().filter_map(|kind| Some((kind, self.words.get(kind)?)))
    }

    /// What is held now, word by word.
    pub fn held(&self) -> Amount {
        let mut amount = Amount::ZERO;
        for (kind, word) in self.all() {
            // Acquire: who reads the sum of a charge also sees what led to it.
            let word = Word::<SPAN>(word.look(Ordering::Acquire));
            kind.put(&mut amount, word.fields(kind));
        }
        amount
    }

    /// Whether the charge would be taken at this moment, without touching anything.
    #[inline(always)]
    pub fn look(&self, request: &Request<'_>, limit: &ScopeLimit) -> Result<(), Stop> {
        // The limits of all four words come before the fields of any.
        let memory = self.look_word(Kind::Memory, request, limit)?;
        let streams = self.look_word(Kind::Streams, request, limit)?;
        let connections = self.look_word(Kind::Connections, request, limit)?;
        let tasks = self.look_word(Kind::Tasks, request, limit)?;
        memory.and(streams).and(connections).and(tasks).map_err(Stop::Full)
    }

    /// What one word says to its part of the request: whether its limit refuses, and then
    /// whether its fields have room.
    #[inline(always)]
    fn look_word(
        &self,
        kind: Kind,
        request: &Request<'_>,
        limit: &ScopeLimit,
    ) -> Result<Result<(), Resource>, Stop> {
        if !request.asks(kind) {
            return Ok(Ok(()));
        }
        let more = kind.part(&request.amount);
        // Acquire: a refusal that stands was caused by a charge, and what its maker did before,
        // moving the leaf included, must be seen by who then asks whether it stands.
        let word = Word::<SPAN>(self.word(kind).look(Ordering::Acquire));
        if word.is_closed() {
            return Err(Stop::Closed);
        }
        admit(kind, word.fields(kind), more, limit, request.priority).map_err(Stop::Refused)?;
        Ok(word.add(kind, more).map(drop))
    }

    /// Takes the charge, or nothing of it. Not for spans, whose words others may close.
    #[inline(always)]
    pub fn charge(
        &self,
        request: &Request<'_>,
        limit: &ScopeLimit,
        id: &ScopeId,
    ) -> Result<(), Stop> {
        self.charge_part(Kind::Memory, request, limit, id)?;
        self.charge_part(Kind::Streams, request, limit, id)?;
        self.charge_part(Kind::Connections, request, limit, id)?;
        self.charge_part(Kind::Tasks, request, limit, id)
    }

    /// Takes the charge of one word, if it is asked for; on an error the words before it have
    /// given theirs back.
    #[inline(always)]
    fn charge_part(
        &self,
        kind: Kind,
        request: &Request<'_>,
        limit: &ScopeLimit,
        id: &ScopeId,
    ) -> Result<(), Stop> {
        if !request.asks(kind) {
            return Ok(());
        }
        self.charge_word(kind, request, limit, id).inspect_err(|_| self.undo_before(kind, request))
    }

    #[cold]
    fn undo_before(&self, kind: Kind, request: &Request<'_>) {
        for done in Kind::ALL.into_iter().take_while(|done| *done != kind) {
            if request.asks(done) {
                self.subtract(done, done.part(&request.amount));
            }
        }
    }

    /// Takes the charge of one word.
    #[inline(always)]
    pub fn charge_word(
        &self,
        kind: Kind,
        request: &Request<'_>,
        limit: &ScopeLimit,
        id: &ScopeId,
    ) -> Result<(), Stop> {
        let more = kind.part(&request.amount);
        let cell = self.word(kind);
        // Acquire, here and on failure below: as in `look_word`, for the refusal that may follow.
        let mut seen = cell.look(Ordering::Acquire);
        loop {
            let word = Word::<SPAN>(seen);
            if word.is_closed() {
                return Err(Stop::Closed);
            }
            admit(kind, word.fields(kind), more, limit, request.priority).map_err(Stop::Refused)?;
            let sum = word.add(kind, more).map_err(Stop::Full)?;
            // Release: who refuses because of this charge must see what its maker did before.
            // Acquire: that includes what was done by whoever made the room for it, such as the
            // move of the very leaf that is then refused elsewhere because of this charge.
            match cell.compare_exchange(seen, sum.0, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    if let Some(observer) = request.snapshot.observer() {
                        tell(observer, id, kind, sum.fields(kind), &request.amount, limit);
                    }
                    return Ok(());
                }
                Err(now) => seen = now,
            }
        }
    }

    /// Charges without asking any limit, to prove that checks find it.
    #[cfg(feature = "fault-injection")]
    pub fn overshoot(&self, request: &Request<'_>, limit: &ScopeLimit, id: &ScopeId) {
        let blind = ScopeLimit::UNLIMITED;
        let unseen = Request { priority: Priority::ALWAYS, ..*request };
        for kind in Kind::ALL {
            if unseen.asks(kind)
                && self.charge_word(kind, &unseen, &blind, id).is_ok()
                && let Some(observer) = request.snapshot.observer()
            {
                let held = kind.part(&self.held());
                tell(observer, id, kind, held, &request.amount, limit);
            }
        }
    }

    /// Gives back what was charged. A word that a span has closed gave it back already.
    #[inline(always)]
    pub fn uncharge(&self, amount: &Amount) {
        self.uncharge_part(Kind::Memory, amount);
        self.uncharge_part(Kind::Streams, amount);
        self.uncharge_part(Kind::Connections, amount);
        self.uncharge_part(Kind::Tasks, amount);
    }

    #[inline(always)]
    fn uncharge_part(&self, kind: Kind, amount: &Amount) {
        let less = kind.part(amount);
        if !is_nothing(less) {
            self.subtract(kind, less);
        }
    }

    /// Whether one word holds so much at this moment.
    pub fn holds(&self, kind: Kind, amount: Fields) -> Result<(), Untaken> {
        // Relaxed: only a hint; `take` decides.
        let Some(cell) = self.words.get(kind) else {
            // A span of memory holds nothing else.
            return Err(Untaken::Short);
        };
        let word = Word::<SPAN>(cell.look(Ordering::Relaxed));
        if word.is_closed() {
            return Err(Untaken::Closed);
        }
        word.subtract(kind, amount).map(drop).ok_or(Untaken::Short)
    }

    /// Takes `less` out of one word; on an error nothing has changed.
    #[inline(always)]
    pub fn take(&self, kind: Kind, less: Fields) -> Result<(), Untaken> {
        let cell = self.word(kind);
        // Relaxed: the exchange decides.
        let mut seen = cell.look(Ordering::Relaxed);
        loop {
            let word = Word::<SPAN>(seen);
            if word.is_closed() {
                return Err(Untaken::Closed);
            }
            let rest = word.subtract(kind, less).ok_or(Untaken::Short)?;
            // Acquire: in a span, what is taken out here may have been charged to the owner by
            // another thread, and is uncharged after this. Release: an uncharge follows the step
            // of its leaf that took the amount out, and who sees the room must see that too.
            // Relaxed on failure: the loop decides again.
            match cell.compare_exchange(seen, rest.0, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(now) => seen = now,
            }
        }
    }

    /// Puts back what [`Counters::take`] took out of one word, whatever the limits say by now;
    /// `false` where the word was closed or filled meanwhile.
    pub fn put_back(&self, kind: Kind, more: Fields) -> bool {
        let cell = self.word(kind);
        // Relaxed: the exchange decides.
        let mut seen = cell.look(Ordering::Relaxed);
        loop {
            let word = Word::<SPAN>(seen);
            let Ok(sum) = word.add(kind, more) else {
                return false;
            };
            if word.is_closed() {
                return false;
            }
            // Release: as for a commit, who takes it out uncharges after it was charged.
            match cell.compare_exchange(seen, sum.0, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
    }

    /// Takes `less` out of one word that is known to hold it.
    #[inline(always)]
    fn subtract(&self, kind: Kind, less: Fields) {
        if self.take(kind, less) == Err(Untaken::Short) {
            underflow(kind);
        }
    }

    /// Closes the words one by one; gives what was taken out of them.
    pub fn close(&self) -> Amount {
        let mut taken = Amount::ZERO;
        for (kind, cell) in self.all() {
            // Relaxed: the exchange decides.
            let mut seen = cell.look(Ordering::Relaxed);
            while !Word::<SPAN>(seen).is_closed() {
                let closed = Word::<SPAN>::closed().0;
                // Acquire: what was committed here was charged to the owner before, and the
                // uncharge that follows must come after that charge. Release: a charge that
                // finds the word closed sees all that its closer did before.
                match cell.compare_exchange(seen, closed, Ordering::AcqRel, Ordering::Relaxed) {
                    Ok(_) => {
                        kind.put(&mut taken, Word::<SPAN>(seen).fields(kind));
                        break;
                    }
                    Err(now) => seen = now,
                }
            }
        }
        taken
    }
}

#[cold]
fn tell(
    observer: &dyn crate::Observer,
    id: &ScopeId,
    kind: Kind,
    held: Fields,
    more: &Amount,
    limit: &ScopeLimit,
) {
    for ((resource, used), (_, added)) in uses(kind, held).zip(uses(kind, kind.part(more))) {
        if added != 0 {
            observer.charged(id, resource, used, limit.get(resource));
        }
    }
}

/// A word does not hold what it should: a fault of this crate. The word stays as it is.
#[cold]
fn underflow(kind: Kind) {
    faults::count_underflow();
    debug_assert!(std::thread::panicking(), "a counter of {kind:?} would have gone below zero");
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::leaf::{Leaf, LeafKind};
    use crate::owner::Owner;
    use crate::path::Pinned;
    use crate::registry::Registry;
    use crate::span_state::SpanState;
    use crate::{Direction, Limits};

    /// A fault of this crate is counted, changes nothing, and stops a debug build.
    #[test]
    fn an_underflow_is_counted_and_changes_nothing() {
        let registry = Registry::new(usize::MAX);
        let snapshot = Snapshot::new(Limits::default(), None);
        let kind = LeafKind::Stream(Direction::Inbound);
        let transient = &registry.fixed.transient;
        let path = Pinned::assume(transient.clone());
        let leaf = Leaf::admit(kind, &snapshot).unwrap().open(path, &snapshot).unwrap();
        let span = SpanState::new(Owner::Shared(transient.clone()), true).unwrap();
        let counters = transient.first().counters();
        let held = counters.held();

        let faults: [&dyn Fn(); 3] =
            [&|| counters.uncharge(&Amount::memory(1)), &|| leaf.release(1), &|| {
                span.release(&Amount::streams(Direction::Outbound, 1))
            }];
        for (before, fault) in faults.iter().enumerate() {
            assert_eq!(faults::underflows(), before as u64);
            let stopped = catch_unwind(AssertUnwindSafe(fault)).is_err();
            assert_eq!(stopped, cfg!(debug_assertions));
            assert_eq!((counters.held(), leaf.held()), (held, kind.unit()));
        }
        assert_eq!(faults::underflows(), 3);
    }
}
