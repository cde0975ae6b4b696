//! A text in any syntax and any format, as settings.

use std::sync::Arc;

use crate::document::{self, Syntax};
use crate::{
    Diagnostics, Format, Machine, Read, Settings, Source, flow, greenfield, kubo, libp2p, native,
};

/// What a text says.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The format that it is in.
    pub format: Format,
    /// The settings.
    pub settings: Settings,
    /// What does something else than its writer seems to mean. There are no errors in it.
    pub warnings: Diagnostics,
}

/// Reads a text in the format that it is said to be in, or else that it looks like. Kubo's limits
/// depend on what the machine has.
///
/// ```
/// use std::sync::Arc;
/// use rcmgr_config::{Format, Source, ThisMachine, load};
///
/// let text = r#"{"System": {"Memory": "1073741824", "Conns": "blockAll"}}"#;
/// let loaded = load(&Arc::new(Source::new("limits.json", text)?), None, &ThisMachine)?;
/// assert_eq!(loaded.format, Format::Libp2p);
///
/// let text = "limits: {peer: {streams: many}}";
/// let error = load(&Arc::new(Source::new("limits.yaml", text)?), None, &ThisMachine);
/// assert!(error.unwrap_err().to_string().contains("limits.yaml:1:26"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// All that is wrong with the text, and what is doubtful in it.
pub fn load(
    source: &Arc<Source>,
    from: Option<Format>,
    machine: &dyn Machine,
) -> Result<Loaded, Diagnostics> {
    let mut found = Diagnostics::default();
    let Some(tree) = document::parse(Syntax::of(source), source, &mut found) else {
        return Err(found);
    };
    let format = match from.map_or_else(|| Format::recognise(source, &tree), Ok) {
        Ok(format) => format,
        Err(unclear) => {
            found.push(unclear);
            return Err(found);
        }
    };
    let read = match format {
        Format::Native => match native::read(source, &tree, &mut found) {
            Some(settings) => Ok(Read { settings, warnings: Vec::new() }),
            None => return Err(found),
        },
        Format::Libp2p => libp2p::read(source, &tree),
        Format::Kubo => kubo::read(source, &tree, machine),
        Format::Flow => flow::read(source, &tree),
        Format::Greenfield => greenfield::read(source, &tree),
    };
    match read {
        Ok(Read { settings, warnings }) => {
            found.extend(warnings);
            // A key that stands twice is found before the format is known.
            if found.has_errors() {
                Err(found)
            } else {
                Ok(Loaded { format, settings, warnings: found })
            }
        }
        Err(wrong) => {
            found.extend(wrong);
            Err(found)
        }
    }
}
