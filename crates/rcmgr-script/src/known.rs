//! Known differences: where our answer is another than the recorded one, and why.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use crate::{Fault, ScriptError, lines::Lines};

/// The known differences of many scripts. A comparison ends at one, unless it says otherwise: past
/// it the two managers are in different states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known(BTreeMap<String, BTreeMap<u64, KnownDifference>>);

/// A line of a file of known differences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownDifference {
    /// The script, without `.jsonl`.
    pub script: String,
    /// The number of the operation, from 0.
    pub op: u64,
    /// The decision that causes the difference.
    pub reason: String,
    /// Whether the comparison goes on behind it. It does only where both answers have the same
    /// effect, such as two refusals, for then both managers are still in the same state.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub goes_on: bool,
}

impl Known {
    /// Reads a file of known differences, one JSON object a line.
    ///
    /// # Errors
    /// It cannot be read; a line that is none; a second one of the same operation.
    pub fn open(path: &Path) -> Result<Known, ScriptError> {
        let mut lines = Lines::open(path)?;
        let mut known = Known::default();
        while lines.advance()? {
            let one: KnownDifference = lines.parse()?;
            let (script, op) = (one.script.clone(), one.op);
            let of_script = known.0.entry(script.clone()).or_default();
            if of_script.insert(op, one).is_some() {
                return Err(lines.error(Fault::KnownTwice { script, op }));
            }
        }
        Ok(known)
    }

    /// That of one operation of a script.
    pub fn at(&self, script: &str, op: u64) -> Option<&KnownDifference> {
        self.0.get(script)?.get(&op)
    }

    /// All of them, in the order of the scripts' names and the operations.
    pub fn iter(&self) -> impl Iterator<Item = &KnownDifference> {
        self.0.values().flat_map(BTreeMap::values)
    }
}
