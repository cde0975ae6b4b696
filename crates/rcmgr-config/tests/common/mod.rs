//! The recorded files.
#![allow(dead_code, reason = "each test uses some of it")]

pub mod any;

use std::sync::Arc;

use rcmgr_config::document::{self, Node, Syntax};
use rcmgr_config::libp2p::{self, PartialLimits};
use rcmgr_config::machine::{AvailableMemory, MachineError, MachineMemory, MemoryBound};
use rcmgr_config::{Diagnostic, Diagnostics, Effective, Given, Machine, Read, Settings, Source};
use rcmgr_core::Limits;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// What go-libp2p makes of its defaults for so many bytes and descriptors.
pub const SCALED: [(u64, u64); 3] = [(134217728, 256), (1073741824, 2048), (3221225472, 512)];

pub fn read<T: DeserializeOwned>(name: &str) -> T {
    let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect(&path);
    serde_json::from_str(&text).expect(&path)
}

/// A recorded result, but for the one figure that is a slip there.
pub fn expected(name: &str, memory: u64) -> Value {
    let mut expected: Value = read(name);
    let mebibytes = if memory > 128 << 20 { memory >> 20 } else { 0 };
    let recorded = (16 << 20) + ((4 * mebibytes) >> 10);
    let figure = &mut expected["ProtocolPeerDefault"]["Memory"];
    assert_eq!(*figure, json!(recorded.to_string()), "{name} has another slip");
    *figure = json!(((16 << 20) + (((4 << 20) * mebibytes) >> 10)).to_string());
    expected
}

/// Limits that a file has, over nothing.
pub fn limits(json: &Value) -> Limits {
    let partial: PartialLimits = serde_json::from_value(json.clone()).expect("it is one");
    partial.over(&Limits::default(), |peer| peer.as_bytes().into())
}

/// A machine of a given size.
#[derive(Clone, Copy)]
pub struct MachineOf {
    pub memory: u64,
    pub file_descriptors: u64,
}

/// The machine for which most of the expected results are.
pub const MACHINE: MachineOf = MachineOf { memory: 16 << 30, file_descriptors: 65_536 };

impl Machine for MachineOf {
    fn memory(&self) -> Result<MachineMemory, MachineError> {
        Ok(MachineMemory { bytes: self.memory, bounded_by: MemoryBound::Physical })
    }

    fn available(&self) -> Result<AvailableMemory, MachineError> {
        Err(MachineError::Unsupported)
    }

    fn file_descriptors(&self) -> Result<u64, MachineError> {
        Ok(self.file_descriptors)
    }
}

/// The tree of a text.
pub fn parse(name: &str, text: &str) -> (Arc<Source>, Node) {
    let source = Arc::new(Source::new(name, text).expect("it is short"));
    let mut diagnostics = Diagnostics::default();
    let tree = document::parse(Syntax::of(&source), &source, &mut diagnostics);
    assert!(diagnostics.is_empty(), "{diagnostics}");
    (source, tree.expect("there are no errors"))
}

/// The text of a recorded file.
pub fn text(name: &str) -> String {
    let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).expect(&path)
}

/// What settings come to on a machine.
pub fn effective(settings: Settings, machine: &dyn Machine) -> Effective {
    let given = Given::of(&settings, machine).expect("the machine tells what it has");
    Effective::of(settings, given)
}

/// What is in effect, as go-libp2p writes it.
pub fn in_json(effective: &Effective) -> Value {
    let (text, _) = libp2p::write(effective);
    serde_json::from_str(&text).expect("it is JSON")
}

/// A recorded result, with the one figure that is a slip there mended if it was not set.
pub fn mended(name: &str, memory: u64) -> Value {
    let mut expected: Value = read(name);
    let mebibytes = if memory > 128 << 20 { memory >> 20 } else { 0 };
    let slip = (16 << 20) + ((4 * mebibytes) >> 10);
    let figure = &mut expected["ProtocolPeerDefault"]["Memory"];
    if *figure == json!(slip.to_string()) {
        *figure = json!(((16 << 20) + (((4 << 20) * mebibytes) >> 10)).to_string());
    }
    expected
}

/// The settings of what has neither errors nor warnings.
pub fn silent(read: Result<Read, Vec<Diagnostic>>) -> Settings {
    let Read { settings, warnings } = read.unwrap_or_else(|errors| panic!("{}", told(&errors)));
    assert!(warnings.is_empty(), "{}", told(&warnings));
    settings
}

/// Diagnostics one after the other.
pub fn told(diagnostics: &[Diagnostic]) -> String {
    let all: Vec<_> = diagnostics.iter().map(Diagnostic::to_string).collect();
    all.join("\n\n")
}

/// The places and messages of diagnostics, and what would be right.
pub fn in_short(diagnostics: &[Diagnostic]) -> Vec<String> {
    let short = |diagnostic: &Diagnostic| {
        let place = diagnostic.position().expect("it has a place");
        format!("{place} {}; {}", diagnostic.message(), diagnostic.help_text().unwrap_or("-"))
    };
    diagnostics.iter().map(short).collect()
}
