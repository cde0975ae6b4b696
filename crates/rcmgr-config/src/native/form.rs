//! The forms that a value may have: a number, a word, or a few parts together.

use core::fmt;

use rcmgr_core::Resource;

use super::schema::Slot;
use crate::Key;

/// One form of a value.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// A single number.
    Scalar(Scalar),
    /// A word.
    Word(Word),
    /// Several keys that make one value together.
    Parts(&'static [Part]),
    /// A list of entries of an allowlist.
    Entries,
}

/// A number, and what it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// Bytes.
    Size,
    /// Whole things, at most so many.
    Count(u64),
    /// A part of a whole.
    Ratio,
    /// How many a second.
    PerSecond,
    /// A length of time.
    Time,
    /// So many connections, or a part of the share.
    Portion,
}

/// A word that stands for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// go-libp2p's defaults.
    Libp2p,
    /// No bound.
    Unlimited,
    /// Nothing is admitted.
    Block,
    /// What would hold if nobody had said anything.
    Default,
    /// The connection manager that there is.
    Regulator,
    /// Nothing of the kind.
    None,
}

/// A part of a value.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Which.
    pub name: PartName,
    /// What it means, in Markdown.
    pub doc: &'static str,
    /// What it is.
    pub scalar: Scalar,
    /// Whether the value is none without it.
    pub required: bool,
    /// Such a part.
    pub example: &'static str,
}

/// The parts that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PartName {
    /// So much at least.
    Base,
    /// More with each GiB.
    PerGib,
    /// A part of a whole that stays.
    Ratio,
    /// A part of what is free.
    FreeRatio,
    /// So much at least.
    Minimum,
    /// So much at most.
    Maximum,
    /// Between two samples.
    Every,
    /// What does not count as a change.
    Hysteresis,
    /// In the long run.
    PerSecond,
    /// At once.
    Burst,
}

impl Word {
    /// As it is written.
    pub const fn text(self) -> &'static str {
        match self {
            Word::Libp2p => "libp2p",
            Word::Unlimited => "unlimited",
            Word::Block => "block",
            Word::Default => "default",
            Word::Regulator => "regulator",
            Word::None => "none",
        }
    }
}

impl PartName {
    /// The key.
    pub const fn key(self) -> &'static str {
        match self {
            PartName::Base => "base",
            PartName::PerGib => "per-gib",
            PartName::Ratio => "ratio",
            PartName::FreeRatio => "free-ratio",
            PartName::Minimum => "minimum",
            PartName::Maximum => "maximum",
            PartName::Every => "every",
            PartName::Hysteresis => "hysteresis",
            PartName::PerSecond => "per-second",
            PartName::Burst => "burst",
        }
    }
}

impl Scalar {
    /// What to write.
    pub const fn expected(self) -> &'static str {
        match self {
            Scalar::Size => "a size such as 64MiB or 1_000_000",
            Scalar::Count(_) => "a whole number such as 64 or 1_000",
            Scalar::Ratio => "a number above 0 and at most 1, such as 0.25",
            Scalar::PerSecond => "a number such as 100 or 0.2",
            Scalar::Time => "a length of time such as 20s, 500ms or 1h 30m",
            Scalar::Portion => "a whole number such as 64, or a percentage such as 5%",
        }
    }
}

const ANY: Scalar = Scalar::Count(u64::MAX);

const fn part(name: PartName, scalar: Scalar, example: &'static str, doc: &'static str) -> Part {
    Part { name, doc, scalar, required: true, example }
}

const fn optional(part: Part) -> Part {
    Part { required: false, ..part }
}

const OF_MACHINE: Part = part(PartName::Ratio, Scalar::Ratio, "0.25", "The part of the machine's.");

const OF_FREE: [Part; 5] = [
    part(
        PartName::FreeRatio,
        Scalar::Ratio,
        "0.5",
        "The part of what is free or held by the node.",
    ),
    part(PartName::Minimum, Scalar::Size, "256MiB", "Bytes that the node is given at least."),
    part(PartName::Maximum, Scalar::Size, "4GiB", "Bytes that the node is given at most."),
    optional(part(
        PartName::Every,
        Scalar::Time,
        "5s",
        "The time between two samples, from `100ms` to `1h`. `5s` if left out.",
    )),
    optional(part(
        PartName::Hysteresis,
        Scalar::Ratio,
        "0.1",
        "A change by no more than this part does not count; at most 0.5. `0.1` if left out.",
    )),
];

const GROWING_MEMORY: [Part; 2] = [
    part(PartName::Base, Scalar::Size, "64MiB", "Bytes at least."),
    part(
        PartName::PerGib,
        Scalar::Size,
        "1GiB",
        "More bytes with each GiB of memory that the node is given. Memory counts by whole MiB, \
         and 128 MiB or less count as none.",
    ),
];

const GROWING_COUNT: [Part; 2] = [
    part(PartName::Base, ANY, "64", "So many at least."),
    part(
        PartName::PerGib,
        ANY,
        "32",
        "So many more with each GiB of memory that the node is given. Memory counts by whole MiB, \
         and 128 MiB or less count as none.",
    ),
];

const OF_DESCRIPTORS: [Part; 2] = [
    part(PartName::Base, ANY, "64", "So many at least."),
    part(
        PartName::Ratio,
        Scalar::Ratio,
        "0.25",
        "The part of the descriptors that the node is given, where it is more.",
    ),
];

const RATE: [Part; 2] = [
    part(PartName::PerSecond, Scalar::PerSecond, "0.2", "So many a second in the long run."),
    part(PartName::Burst, Scalar::Count(u32::MAX as u64), "16", "So many at once."),
];

const UNLIMITED: Form = Form::Word(Word::Unlimited);
const BLOCK: Form = Form::Word(Word::Block);
const DEFAULT: Form = Form::Word(Word::Default);

/// The forms that the value of a slot may have.
pub fn forms(slot: &Slot) -> &'static [Form] {
    let key = match slot {
        Slot::Base => return &const { [Form::Word(Word::Libp2p), UNLIMITED] },
        Slot::Of(key) => key,
    };
    match key {
        Key::Memory => {
            &const { [Form::Scalar(Scalar::Size), Form::Parts(&[OF_MACHINE]), Form::Parts(&OF_FREE)] }
        }
        Key::FileDescriptors => &const { [Form::Scalar(ANY), Form::Parts(&[OF_MACHINE])] },
        Key::Limit(_, Resource::Memory) => {
            &const {
                let number = Form::Scalar(Scalar::Size);
                [number, UNLIMITED, BLOCK, DEFAULT, Form::Parts(&GROWING_MEMORY)]
            }
        }
        Key::Limit(_, Resource::FileDescriptors) => {
            &const {
                let number = Form::Scalar(ANY);
                [number, UNLIMITED, BLOCK, DEFAULT, Form::Parts(&OF_DESCRIPTORS)]
            }
        }
        Key::Limit(..) => {
            &const {
                let number = Form::Scalar(ANY);
                [number, UNLIMITED, BLOCK, DEFAULT, Form::Parts(&GROWING_COUNT)]
            }
        }
        Key::Connections(_) => &const { [Form::Scalar(ANY), UNLIMITED, BLOCK, DEFAULT] },
        Key::Rate(_) => &const { [Form::Parts(&RATE), UNLIMITED, BLOCK, DEFAULT] },
        Key::RateGrace | Key::GracePeriod | Key::SilencePeriod => {
            &const { [Form::Scalar(Scalar::Time)] }
        }
        Key::RateBuckets | Key::HighWatermark | Key::LowWatermark => &const { [Form::Scalar(ANY)] },
        Key::Allowlist => &const { [Form::Entries] },
        Key::BaseMemory(..) => &const { [Form::Scalar(Scalar::Size)] },
        Key::ManagerType => &const { [Form::Word(Word::Regulator), Form::Word(Word::None)] },
        Key::Quota(..) => &const { [Form::Scalar(Scalar::Portion)] },
    }
}

/// The words among forms.
pub fn words(forms: &'static [Form]) -> impl Iterator<Item = Word> {
    forms.iter().filter_map(|form| match form {
        Form::Word(word) => Some(*word),
        _ => None,
    })
}

/// The sets of parts among forms.
pub fn sets(forms: &'static [Form]) -> impl DoubleEndedIterator<Item = &'static [Part]> {
    forms.iter().filter_map(|form| match form {
        Form::Parts(parts) => Some(*parts),
        _ => None,
    })
}

/// What to write, all forms in one sentence.
pub fn expected(forms: &'static [Form]) -> String {
    let all: Vec<String> = forms.iter().map(Form::to_string).collect();
    match all.as_slice() {
        [.., before, last] => {
            let others = &all[..all.len() - 2];
            let others: String = others.iter().map(|form| format!("{form}, ")).collect();
            format!("{others}{before} or {last}")
        }
        _ => all.concat(),
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Form::Scalar(scalar) => f.write_str(scalar.expected()),
            Form::Word(word) => f.write_str(word.text()),
            Form::Parts(parts) => f.write_str(&example(parts)),
            Form::Entries => f.write_str("a list such as [192.0.2.0/24, 2001:db8::1]"),
        }
    }
}

/// Such parts as they are written, without those that may be left out.
pub fn example(parts: &[Part]) -> String {
    let shown = parts.iter().filter(|part| part.required);
    let all: Vec<_> = shown.map(|part| format!("{}: {}", part.name.key(), part.example)).collect();
    format!("{{{}}}", all.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Follow;
    use crate::native::scalar;
    use crate::native::time::text;

    #[test]
    fn examples_can_be_written() {
        let sets = [&GROWING_MEMORY, &GROWING_COUNT, &OF_DESCRIPTORS, &RATE];
        let sets = sets.into_iter().flatten().chain(&OF_FREE).chain([&OF_MACHINE]);
        for part in sets {
            assert!(scalar::parse(part.scalar, part.example).is_ok(), "{}", part.example);
        }
    }

    #[test]
    fn what_is_documented_of_following_is_so() {
        let doc = |name: PartName| {
            OF_FREE.iter().find(|part| part.name == name).map_or("", |part| part.doc)
        };
        let (every, hysteresis) = (doc(PartName::Every), doc(PartName::Hysteresis));
        for time in [Follow::EVERY, Follow::SHORTEST, Follow::LONGEST] {
            assert!(every.contains(&format!("`{}`", text(time))), "{time:?}: {every}");
        }
        for ratio in [Follow::HYSTERESIS, Follow::COARSEST] {
            assert!(hysteresis.contains(&ratio.to_string()), "{ratio}: {hysteresis}");
        }
    }
}
