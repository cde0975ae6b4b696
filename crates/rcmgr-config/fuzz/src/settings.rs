//! What is true of settings, wherever they were read.

use rcmgr_config::document::Syntax;
use rcmgr_config::machine::{AvailableMemory, MachineError, MachineMemory, MemoryBound};
use rcmgr_config::{
    At, Base, Change, Effective, Factor, Format, Given, Key, LeftOut, Machine, Said, Settings,
    changes, contradictions, flow, greenfield, kubo, libp2p, native,
};

use rcmgr_core::Limits;

use super::{load_named, loaded, shown_one};

/// A machine that is the same wherever the fuzzer runs.
pub struct Fixed {
    memory: u64,
    file_descriptors: u64,
}

/// The machine for which limits are made.
pub const MACHINE: Fixed = Fixed { memory: 8 << 30, file_descriptors: 4096 };

/// Another one.
const ELSEWHERE: Fixed = Fixed { memory: 3 << 20, file_descriptors: 7 };

impl Machine for Fixed {
    fn memory(&self) -> Result<MachineMemory, MachineError> {
        Ok(MachineMemory { bytes: self.memory, bounded_by: MemoryBound::Physical })
    }

    fn available(&self) -> Result<AvailableMemory, MachineError> {
        Ok(AvailableMemory { bytes: self.memory / 2, bounded_by: MemoryBound::Physical })
    }

    fn file_descriptors(&self) -> Result<u64, MachineError> {
        Ok(self.file_descriptors)
    }
}

/// Tries all that can be done with settings.
pub fn hold_together(settings: &Settings) {
    let effective = effective(settings, &MACHINE);
    told(&effective);
    read_back(settings);
    let mut twice = settings.clone();
    twice.overlay(settings);
    assert_eq!(twice, *settings);
    twice.multiply(Factor::new(1.5).expect("it is above 0"));
    written_and_read(&twice, Syntax::Json);
    complete(&effective);
    elsewhere(&effective);
}

/// Writes settings in every syntax, and reads them with and without a word on what they are.
pub fn read_back(settings: &Settings) {
    for syntax in [Syntax::Yaml, Syntax::Toml, Syntax::Json] {
        let (written, _) = written_and_read(settings, syntax);
        let recognised = loaded(load_named("limits", None, &written));
        assert_eq!(recognised.as_ref(), Some(settings), "{written}");
    }
}

/// What settings come to over `Limits::default()`.
pub fn over_nothing(settings: &Settings) -> Effective {
    let base = Some(Said::new(Base::Unlimited, At::RunTime));
    let mut effective = effective(&Settings { base, ..settings.clone() }, &MACHINE);
    let Limits { ip, rates, .. } = Limits::default();
    effective.limits = Limits { ip, rates, ..effective.limits };
    effective
}

fn effective(settings: &Settings, machine: &Fixed) -> Effective {
    let given =
        Given::of(settings, machine).expect("the machine tells, and readers check the rest");
    Effective::of(settings.clone(), given)
}

/// Everything that is in effect can be told.
fn told(effective: &Effective) {
    contradictions(effective).iter().for_each(shown_one);
    for (key, value) in effective.values() {
        assert!(!effective.origin(&key).to_string().is_empty(), "{key} is {value}");
    }
    let refusal = kubo::Refusal::of(effective);
    assert!(refusal.is_none_or(|refusal| effective.values().contains_key(&refusal.key())));
    assert!(!effective.given.to_string().is_empty());
}

/// Settings are the same when they are written and read again, and are written the same again.
fn written_and_read(settings: &Settings, syntax: Syntax) -> (String, Settings) {
    let written = native::write(settings, syntax);
    let name = format!("limits.{syntax}");
    let read = match load_named(&name, Some(Format::Native), &written) {
        Ok(read) => read,
        Err(found) => panic!("{found}\nin\n{written}"),
    };
    assert!(read.warnings.is_empty(), "{}\nin\n{written}", read.warnings);
    assert_eq!(read.settings, *settings, "{written}");
    assert_eq!(native::write(&read.settings, syntax), written);
    (written, read.settings)
}

/// Settings that say everything come to the same limits, on every machine.
fn complete(effective: &Effective) {
    let complete = native::complete(effective);
    for (syntax, machine) in [(Syntax::Json, MACHINE), (Syntax::Yaml, ELSEWHERE)] {
        let (_, read) = written_and_read(&complete, syntax);
        let read = self::effective(&read, &machine);
        assert_eq!(read.limits, effective.limits);
        assert_eq!(changes_of_limits(effective, &read), []);
        assert_eq!(read.given.memory, effective.given.memory);
    }
}

/// What changes beside what the node is given.
fn changes_of_limits(before: &Effective, after: &Effective) -> Vec<Change> {
    let mut changes = changes(before, after);
    changes.retain(|change| !matches!(change.key, Key::Memory | Key::FileDescriptors));
    changes
}

/// Limits can be written in every format, and what is written can be read. If nothing is said to be
/// left out, they are the same.
fn elsewhere(effective: &Effective) {
    let read = |format, written: &str| {
        let read = loaded(load_named(&format!("limits of {format}"), Some(format), written));
        read.unwrap_or_else(|| panic!("{written}"))
    };
    let compare = |written: &Effective, text: &str, left_out: &[LeftOut]| {
        assert!(left_out.iter().all(|left_out| !left_out.to_string().is_empty()));
        if left_out.is_empty() {
            assert_eq!(changes_of_limits(effective, written), [], "{text}");
        }
    };

    let (text, left_out) = libp2p::write(effective);
    let written = over_nothing(&read(Format::Libp2p, &text));
    compare(&written, &text, &left_out);
    assert_eq!(libp2p::write(&written), (text, Vec::new()));

    let (text, left_out) = greenfield::write(effective);
    let written = self::effective(&read(Format::Greenfield, &text), &MACHINE);
    compare(&written, &text, &left_out);
    assert_eq!(greenfield::write(&written), (text, Vec::new()));

    let (text, left_out) = kubo::write(effective);
    compare(&self::effective(&read(Format::Kubo, &text), &MACHINE), &text, &left_out);

    let (text, _) = libp2p::write_said(effective);
    read(Format::Libp2p, &text);

    let (text, left_out) = flow::write(effective);
    compare(&self::effective(&read(Format::Flow, &text), &MACHINE), &text, &left_out);
}
