//! What a counter word says, as pure values. The cells that hold words are in `counters` and
//! `route`.
//!
//! | word | shared scope | span |
//! |---|---|---|
//! | memory | bytes 64 | bytes 63, closed 1 |
//! | streams | inbound 32, outbound 32 | inbound 32, outbound 31, closed 1 |
//! | connections | inbound 21, outbound 21, descriptors 22 | …, descriptors 21, closed 1 |
//! | tasks | high 21, medium 21, low 22 | …, low 21, closed 1 |
//!
//! The word of a connection or stream is a [`LeafWord`]: bytes 60, slack 2, generation 2.

use core::fmt;

use crate::{Amount, Granule, Limit, Priority, Resource, ScopeLimit};

/// One of the four counter words of a shared scope or span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Memory,
    Streams,
    Connections,
    Tasks,
}

/// Up to three values of one kind, in the order of the word's fields.
pub type Fields = [u64; 3];

/// Whether all fields are 0. Compiled to better code than a comparison of arrays.
#[inline(always)]
pub fn is_nothing([first, second, third]: Fields) -> bool {
    first | second | third == 0
}

impl Kind {
    /// The order in which a scope checks and charges.
    pub const ALL: [Kind; 4] = [Kind::Memory, Kind::Streams, Kind::Connections, Kind::Tasks];

    /// The widths of the fields, lowest bits first; a span's last field gives its top bit to
    /// "closed".
    #[inline(always)]
    const fn widths(self, span: bool) -> [u32; 3] {
        let taken = span as u32;
        match self {
            Kind::Memory => [64 - taken, 0, 0],
            Kind::Streams => [32, 32 - taken, 0],
            Kind::Connections => [21, 21, 22 - taken],
            Kind::Tasks => [21, 21, 22 - taken],
        }
    }

    /// What the fields count.
    const fn resources(self) -> [Resource; 3] {
        match self {
            Kind::Memory => [Resource::Memory; 3],
            Kind::Streams => {
                [Resource::StreamsInbound, Resource::StreamsOutbound, Resource::Streams]
            }
            Kind::Connections => [
                Resource::ConnectionsInbound,
                Resource::ConnectionsOutbound,
                Resource::FileDescriptors,
            ],
            Kind::Tasks => [Resource::TasksHigh, Resource::TasksMedium, Resource::TasksLow],
        }
    }

    /// The part of an amount that this kind of word counts.
    #[inline(always)]
    pub const fn part(self, amount: &Amount) -> Fields {
        match self {
            Kind::Memory => [amount.memory, 0, 0],
            Kind::Streams => [amount.streams_inbound as u64, amount.streams_outbound as u64, 0],
            Kind::Connections => [
                amount.connections_inbound as u64,
                amount.connections_outbound as u64,
                amount.file_descriptors as u64,
            ],
            Kind::Tasks => {
                [amount.tasks_high as u64, amount.tasks_medium as u64, amount.tasks_low as u64]
            }
        }
    }

    /// Sets the part of an amount that this kind of word counts. Fields of counts are at most
    /// 32 bits wide, so nothing is cut.
    pub const fn put(self, amount: &mut Amount, fields: Fields) {
        let [first, second, third] = fields;
        match self {
            Kind::Memory => amount.memory = first,
            Kind::Streams => {
                amount.streams_inbound = first as u32;
                amount.streams_outbound = second as u32;
            }
            Kind::Connections => {
                amount.connections_inbound = first as u32;
                amount.connections_outbound = second as u32;
                amount.file_descriptors = third as u32;
            }
            Kind::Tasks => {
                amount.tasks_high = first as u32;
                amount.tasks_medium = second as u32;
                amount.tasks_low = third as u32;
            }
        }
    }
}

/// The most of a resource that a word of a shared scope can hold.
pub const fn capacity(resource: Resource) -> u64 {
    const fn field(kind: Kind, at: usize) -> u64 {
        mask(kind.widths(false)[at])
    }
    use Kind::{Connections, Memory, Streams, Tasks};
    match resource {
        Resource::Memory => field(Memory, 0),
        Resource::StreamsInbound => field(Streams, 0),
        Resource::StreamsOutbound => field(Streams, 1),
        Resource::Streams => field(Streams, 0) + field(Streams, 1),
        Resource::ConnectionsInbound => field(Connections, 0),
        Resource::ConnectionsOutbound => field(Connections, 1),
        Resource::Connections => field(Connections, 0) + field(Connections, 1),
        Resource::FileDescriptors => field(Connections, 2),
        Resource::TasksHigh => field(Tasks, 0),
        Resource::TasksMedium => field(Tasks, 1),
        Resource::TasksLow => field(Tasks, 2),
        Resource::Tasks => field(Tasks, 0) + field(Tasks, 1) + field(Tasks, 2),
    }
}

/// A counter word: what one kind of it holds, and in a span whether it is closed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Word<const SPAN: bool>(pub u64);

/// The top bit of a span's words.
const CLOSED: u64 = 1 << 63;

const fn mask(width: u32) -> u64 {
    if width == 0 { 0 } else { u64::MAX >> (64 - width) }
}

impl<const SPAN: bool> Word<SPAN> {
    /// Whether a span has closed this word. Shared scopes never close.
    #[inline(always)]
    pub const fn is_closed(self) -> bool {
        SPAN && self.0 & CLOSED != 0
    }

    /// Closed, holding nothing.
    pub const fn closed() -> Self {
        Word(CLOSED)
    }

    /// The values of the fields.
    #[inline(always)]
    pub const fn fields(self, kind: Kind) -> Fields {
        let [first, second, third] = kind.widths(SPAN);
        let word = self.0;
        [
            word & mask(first),
            if second == 0 { 0 } else { word >> first & mask(second) },
            if third == 0 { 0 } else { word >> (first + second) & mask(third) },
        ]
    }

    #[inline(always)]
    const fn pack(kind: Kind, fields: Fields) -> u64 {
        let [first, second, third] = kind.widths(SPAN);
        let mut word = fields[0];
        if second != 0 {
            word |= fields[1] << first;
        }
        if third != 0 {
            word |= fields[2] << (first + second);
        }
        word
    }

    /// The word with more in each field, or what has no place in its field.
    #[inline(always)]
    pub const fn add(self, kind: Kind, more: Fields) -> Result<Self, Resource> {
        let widths = kind.widths(SPAN);
        let mut fields = self.fields(kind);
        let mut at = 0;
        while at < 3 {
            match fields[at].checked_add(more[at]) {
                Some(sum) if sum <= mask(widths[at]) => fields[at] = sum,
                _ => return Err(kind.resources()[at]),
            }
            at += 1;
        }
        Ok(Word(Self::pack(kind, fields)))
    }

    /// The word with less in each field; `None` where a field would go below zero.
    #[inline(always)]
    pub const fn subtract(self, kind: Kind, less: Fields) -> Option<Self> {
        let mut fields = self.fields(kind);
        let mut at = 0;
        while at < 3 {
            match fields[at].checked_sub(less[at]) {
                Some(rest) => fields[at] = rest,
                None => return None,
            }
            at += 1;
        }
        Some(Word(Self::pack(kind, fields)))
    }
}

/// What a limit says against a request: the numbers of a refusal, without the scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub resource: Resource,
    pub used: u64,
    pub requested: u64,
    pub limit: u64,
}

/// Whether a limit admits `more` beside what is `held`, in wide numbers: what the fields of a
/// word can represent is asked apart, by [`Word::add`].
#[inline(always)]
pub fn admit(
    kind: Kind,
    held: Fields,
    more: Fields,
    limit: &ScopeLimit,
    priority: Priority,
) -> Result<(), Verdict> {
    match kind {
        Kind::Memory => admit_memory(held[0], more[0], limit.memory, priority),
        Kind::Streams => {
            admit_count(Resource::StreamsInbound, held[0], more[0], limit.streams_inbound)?;
            admit_count(Resource::StreamsOutbound, held[1], more[1], limit.streams_outbound)?;
            admit_count(Resource::Streams, held[0] + held[1], more[0] + more[1], limit.streams)
        }
        Kind::Connections => {
            let total = (held[0] + held[1], more[0] + more[1]);
            admit_count(Resource::ConnectionsInbound, held[0], more[0], limit.connections_inbound)?;
            admit_count(
                Resource::ConnectionsOutbound,
                held[1],
                more[1],
                limit.connections_outbound,
            )?;
            admit_count(Resource::Connections, total.0, total.1, limit.connections)?;
            admit_count(Resource::FileDescriptors, held[2], more[2], limit.file_descriptors)
        }
        Kind::Tasks => {
            let total = (held[0] + held[1] + held[2], more[0] + more[1] + more[2]);
            admit_count(Resource::Tasks, total.0, total.1, limit.tasks)?;
            admit_count(Resource::TasksHigh, held[0], more[0], limit.tasks_high)?;
            admit_count(Resource::TasksMedium, held[1], more[1], limit.tasks_medium)?;
            admit_count(Resource::TasksLow, held[2], more[2], limit.tasks_low)
        }
    }
}

#[inline(always)]
fn admit_memory(used: u64, size: u64, limit: Limit, priority: Priority) -> Result<(), Verdict> {
    let open = priority.threshold(limit.get());
    if limit.is_unlimited() || used.checked_add(size).is_some_and(|sum| sum <= open) {
        return Ok(());
    }
    Err(Verdict { resource: Resource::Memory, used, requested: size, limit: limit.get() })
}

/// Counts are at most 34 bits wide, so the sum cannot overflow. What is not asked for is not
/// refused, although the scope may hold more than a lowered limit.
#[inline(always)]
fn admit_count(resource: Resource, used: u64, count: u64, limit: Limit) -> Result<(), Verdict> {
    if count == 0 || used + count <= limit.get() {
        return Ok(());
    }
    Err(Verdict { resource, used, requested: count, limit: limit.get() })
}

/// Every resource that a kind of word answers for, with what is held of it.
pub fn uses(kind: Kind, held: Fields) -> impl Iterator<Item = (Resource, u64)> {
    let mut amount = Amount::ZERO;
    kind.put(&mut amount, held);
    let resources: &'static [Resource] = match kind {
        Kind::Memory => &[Resource::Memory],
        Kind::Streams => &[Resource::StreamsInbound, Resource::StreamsOutbound, Resource::Streams],
        Kind::Connections => &[
            Resource::ConnectionsInbound,
            Resource::ConnectionsOutbound,
            Resource::Connections,
            Resource::FileDescriptors,
        ],
        Kind::Tasks => {
            &[Resource::Tasks, Resource::TasksHigh, Resource::TasksMedium, Resource::TasksLow]
        }
    };
    resources.iter().map(move |resource| (*resource, amount.get(*resource)))
}

/// The word of a connection or stream: which of its paths it is charged along, the bytes that it uses,
/// and how many it has charged for them.
///
/// From the top: generation 2, [`Slack`] 2, bytes 60.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LeafWord(pub u64);

/// What a leaf has charged beyond the bytes that it uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slack {
    /// Nothing.
    Exact = 0,
    /// What is missing to a multiple of the granule.
    Rounded = 1,
    /// That, and one granule more.
    Spare = 2,
}

impl LeafWord {
    /// The most bytes that the word can hold.
    pub const MAX_BYTES: u64 = (1 << Self::SLACK_SHIFT) - 1;
    const SLACK_SHIFT: u32 = 60;
    const GENERATION_SHIFT: u32 = 62;
    const CLOSED_GENERATION: u64 = 3;

    /// A word with nothing charged beyond its bytes.
    pub const fn new(generation: usize, bytes: u64) -> Self {
        LeafWord((generation as u64) << Self::GENERATION_SHIFT | bytes)
    }

    /// Closed for good, holding nothing.
    pub const CLOSED: Self = LeafWord(Self::CLOSED_GENERATION << Self::GENERATION_SHIFT);

    #[inline(always)]
    pub const fn is_closed(self) -> bool {
        self.0 >> Self::GENERATION_SHIFT == Self::CLOSED_GENERATION
    }

    /// The index of the path in use; meaningless once closed.
    #[inline(always)]
    pub const fn generation(self) -> usize {
        (self.0 >> Self::GENERATION_SHIFT) as usize
    }

    /// What the leaf uses.
    #[inline(always)]
    pub const fn bytes(self) -> u64 {
        self.0 & Self::MAX_BYTES
    }

    #[inline(always)]
    const fn slack(self) -> Slack {
        match self.0 >> Self::SLACK_SHIFT & 3 {
            0 => Slack::Exact,
            1 => Slack::Rounded,
            _ => Slack::Spare,
        }
    }

    /// What the leaf has charged to the scopes of its path, which is not below what it uses.
    #[inline(always)]
    pub const fn charged(self, granule: Granule) -> u64 {
        if granule.is_exact() {
            // There is no slack to look for.
            return self.bytes();
        }
        match self.slack() {
            Slack::Exact => self.bytes(),
            Slack::Rounded => granule.round_up(self.bytes()),
            Slack::Spare => granule.round_up(self.bytes()) + granule.bytes(),
        }
    }

    /// What the leaf would use with more bytes; `None` where they have no place.
    #[inline(always)]
    pub const fn bytes_with(self, more: u64) -> Option<u64> {
        match self.bytes().checked_add(more) {
            Some(sum) if sum <= Self::MAX_BYTES => Some(sum),
            _ => None,
        }
    }

    /// The word of the same generation that uses `bytes`, and has charged as much for them as it can say
    /// of what is there: `charged`, which is not below `bytes`.
    #[inline(always)]
    pub const fn using(self, bytes: u64, charged: u64, granule: Granule) -> Self {
        let generation = self.0 >> Self::GENERATION_SHIFT << Self::GENERATION_SHIFT;
        if granule.is_exact() {
            return LeafWord(generation | bytes);
        }
        let rounded = granule.round_up(bytes);
        let slack = if charged < rounded {
            Slack::Exact
        } else if charged - rounded < granule.bytes() {
            Slack::Rounded
        } else {
            Slack::Spare
        };
        LeafWord(generation | (slack as u64) << Self::SLACK_SHIFT | bytes)
    }

    /// The word with the same bytes and the same charge, along the next path.
    pub const fn next_generation(self) -> Self {
        LeafWord(self.0 + (1 << Self::GENERATION_SHIFT))
    }
}

impl fmt::Debug for LeafWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeafWord")
            .field("closed", &self.is_closed())
            .field("generation", &self.generation())
            .field("bytes", &self.bytes())
            .field("slack", &self.slack())
            .finish()
    }
}

impl<const SPAN: bool> fmt::Debug for Word<SPAN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by_kind = Kind::ALL.map(|kind| (kind, self.fields(kind)));
        f.debug_struct("Word").field("closed", &self.is_closed()).field("as", &by_kind).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kind() -> impl Strategy<Value = Kind> {
        prop::sample::select(&Kind::ALL[..])
    }

    /// Values around the borders of the fields, where carries would show.
    fn value() -> impl Strategy<Value = u64> {
        prop_oneof![
            (0u32..64, 0u64..3).prop_map(|(shift, less)| (1u64 << shift).wrapping_sub(less)),
            0u64..1000,
            any::<u64>()
        ]
    }

    /// The same sums on plain numbers, field by field.
    fn check<const SPAN: bool>(kind: Kind, start: Fields, change: Fields) {
        let widths = kind.widths(SPAN);
        let bound = widths.map(|width| (1u128 << width) - 1);
        let wide = |at: usize, values: Fields| u128::from(values[at]);
        let fits = |values: Fields| (0..3).all(|at| wide(at, values) <= bound[at]);
        let sums = [0, 1, 2].map(|at| wide(at, start) + wide(at, change));

        let word = Word::<SPAN>(0).add(kind, start);
        assert_eq!(word.is_ok(), fits(start));
        let Ok(word) = word else { return };
        assert_eq!(word.fields(kind), start);
        assert!(!word.is_closed());

        match word.add(kind, change) {
            Ok(sum) => {
                assert_eq!(sum.fields(kind).map(u128::from), sums);
                assert_eq!(sum.subtract(kind, change), Some(word));
                assert!(!sum.is_closed());
            }
            Err(resource) => {
                let full = (0..3).find(|at| sums[*at] > bound[*at]).expect("some field is full");
                assert_eq!(resource, kind.resources()[full]);
            }
        }
        let rest = word.subtract(kind, change);
        assert_eq!(rest.is_some(), (0..3).all(|at| change[at] <= start[at]));
        if let Some(rest) = rest {
            assert_eq!(rest.add(kind, change), Ok(word));
        }
    }

    proptest! {
        #[test]
        fn packed_words_count_as_plain_numbers_do(
            kind in kind(),
            start in prop::array::uniform3(value()),
            change in prop::array::uniform3(value()),
        ) {
            check::<false>(kind, start, change);
            check::<true>(kind, start, change);
        }

        #[test]
        fn leaf_words_count_as_plain_numbers_do(generation in 0usize..3, start in value(), change in value()) {
            let start = start & LeafWord::MAX_BYTES;
            let word = LeafWord::new(generation, start);
            prop_assert_eq!((word.generation(), word.bytes(), word.is_closed()), (generation, start, false));
            match word.bytes_with(change) {
                Some(sum) => prop_assert_eq!(u128::from(sum), u128::from(start) + u128::from(change)),
                None => prop_assert!(u128::from(start) + u128::from(change) > u128::from(LeafWord::MAX_BYTES)),
            }
        }

        #[test]
        fn leaf_words_say_as_much_of_what_is_charged_as_they_can(
            generation in 0usize..3, shift in 0u32..31, bytes in value(), idle in value(),
        ) {
            let granule = Granule::new(1 << shift).unwrap();
            let bytes = bytes & LeafWord::MAX_BYTES;
            let charged = bytes.saturating_add(idle);
            let word = LeafWord::new(generation, 0).using(bytes, charged, granule);
            prop_assert_eq!((word.generation(), word.bytes(), word.is_closed()), (generation, bytes, false));
            let said = word.charged(granule);
            prop_assert!(bytes <= said && said <= charged, "{} {} {}", bytes, said, charged);
            prop_assert!(said - bytes <= granule.most_idle());
            // What it leaves out is what no word could say.
            let larger = [granule.round_up(bytes), granule.round_up(bytes) + granule.bytes()];
            prop_assert!(granule.is_exact() || larger.iter().all(|more| *more <= said || *more > charged));
            prop_assert_eq!(word.using(bytes, said, granule), word);
            let next = word.next_generation();
            prop_assert_eq!((next.bytes(), next.charged(granule)), (bytes, said));
            prop_assert_eq!(next.is_closed(), generation == 2);
        }

        #[test]
        fn amounts_pass_through_words_unchanged(counts in prop::array::uniform8(0u32..1 << 21), memory in 0u64..1 << 63) {
            let amount = Amount {
                memory,
                streams_inbound: counts[0],
                streams_outbound: counts[1],
                connections_inbound: counts[2],
                connections_outbound: counts[3],
                file_descriptors: counts[4],
                tasks_high: counts[5],
                tasks_medium: counts[6],
                tasks_low: counts[7],
            };
            let mut back = Amount::ZERO;
            for kind in Kind::ALL {
                let word = Word::<true>(0).add(kind, kind.part(&amount)).unwrap();
                kind.put(&mut back, word.fields(kind));
                for (resource, used) in uses(kind, word.fields(kind)) {
                    prop_assert_eq!(used, amount.get(resource));
                }
            }
            prop_assert_eq!(back, amount);
        }

        #[test]
        fn memory_is_admitted_by_the_rule_of_the_exact_product(
            used in value(), size in value(), limit in value(), priority in any::<u8>(),
        ) {
            let limits = ScopeLimit { memory: Limit::new(limit), ..ScopeLimit::BLOCK_ALL };
            let got = admit(Kind::Memory, [used, 0, 0], [size, 0, 0], &limits, Priority(priority));
            let open = u128::from(limit) * (u128::from(priority) + 1) / 256;
            let fits = limit == u64::MAX || u128::from(used) + u128::from(size) <= open;
            let refused = Verdict { resource: Resource::Memory, used, requested: size, limit };
            prop_assert_eq!(got, if fits { Ok(()) } else { Err(refused) });
        }
    }

    #[test]
    fn words_tell_what_is_in_them() {
        let word = Word::<true>(0).add(Kind::Streams, [3, 4, 0]).unwrap();
        let told = format!("{word:?} {:?}", LeafWord::new(1, 5));
        for part in ["Streams, [3, 4, 0]", "closed: false", "generation: 1", "bytes: 5"] {
            assert!(told.contains(part), "{told}");
        }
    }

    #[test]
    fn a_closed_word_holds_nothing() {
        for kind in Kind::ALL {
            assert!(Word::<true>::closed().is_closed());
            assert_eq!(Word::<true>::closed().fields(kind), [0; 3]);
            assert!(!Word::<false>::closed().is_closed());
        }
        assert!(LeafWord::CLOSED.is_closed());
        assert_eq!(LeafWord::CLOSED.bytes(), 0);
    }

    #[test]
    fn counts_are_checked_in_order_and_only_when_asked_for() {
        let tight = ScopeLimit::all(Limit::new(2));
        let refused = |kind, held, more, limit: &ScopeLimit| {
            admit(kind, held, more, limit, Priority::ALWAYS).map_err(|verdict| verdict.resource)
        };
        let streams = |held, more| refused(Kind::Streams, held, more, &tight);
        assert_eq!(streams([2, 0, 0], [1, 0, 0]), Err(Resource::StreamsInbound));
        assert_eq!(streams([0, 2, 0], [1, 1, 0]), Err(Resource::StreamsOutbound));
        assert_eq!(streams([1, 1, 0], [1, 0, 0]), Err(Resource::Streams));
        assert_eq!(streams([9, 9, 0], [0, 0, 0]), Ok(()));

        let connections = |held, more| refused(Kind::Connections, held, more, &tight);
        assert_eq!(connections([2, 2, 2], [1, 0, 1]), Err(Resource::ConnectionsInbound));
        assert_eq!(connections([0, 2, 2], [0, 1, 1]), Err(Resource::ConnectionsOutbound));
        assert_eq!(connections([1, 1, 2], [1, 0, 1]), Err(Resource::Connections));
        assert_eq!(connections([0, 1, 2], [1, 0, 1]), Err(Resource::FileDescriptors));
        assert_eq!(connections([1, 0, 9], [1, 0, 0]), Ok(()));

        let tasks = |held, more| refused(Kind::Tasks, held, more, &tight);
        assert_eq!(tasks([2, 0, 0], [1, 0, 0]), Err(Resource::Tasks));
        let roomy = tight.with(Resource::Tasks, Limit::new(4));
        let tasks = |held, more| refused(Kind::Tasks, held, more, &roomy);
        assert_eq!(tasks([2, 0, 0], [1, 0, 0]), Err(Resource::TasksHigh));
        assert_eq!(tasks([0, 2, 0], [0, 1, 0]), Err(Resource::TasksMedium));
        assert_eq!(tasks([0, 0, 2], [0, 0, 1]), Err(Resource::TasksLow));
    }
}
