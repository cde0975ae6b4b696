//! The formats that limits are written in, and which one a file has.

use core::fmt;
use core::str::FromStr;
use std::sync::Arc;

use crate::document::{Node, Value};
use crate::{Diagnostic, Settings, Source, libp2p};

/// What a file says, and what about it surprises.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// What it says.
    pub settings: Settings,
    /// What does something else than its writer seems to mean, in the order of the text.
    pub warnings: Vec<Diagnostic>,
}

/// A format that limits are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// Ours, in YAML, TOML or JSON.
    Native,
    /// The partial limits of go-libp2p in JSON, which are also Kubo's overrides.
    Libp2p,
    /// The configuration of Kubo in JSON.
    Kubo,
    /// The configuration of Flow in YAML.
    Flow,
    /// The configuration of a storage provider of Greenfield in TOML.
    Greenfield,
}

/// A text that names no format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no format; the formats are native, libp2p, kubo, flow and greenfield")]
pub struct InvalidFormat;

impl Format {
    /// Every format.
    pub const ALL: [Format; 5] =
        [Format::Native, Format::Libp2p, Format::Kubo, Format::Flow, Format::Greenfield];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Native => "native",
            Format::Libp2p => "libp2p",
            Format::Kubo => "kubo",
            Format::Flow => "flow",
            Format::Greenfield => "greenfield",
        }
    }

    /// The program whose format it is.
    pub const fn program(self) -> &'static str {
        match self {
            Format::Native => "rcmgr",
            Format::Libp2p => "go-libp2p",
            Format::Kubo => "Kubo",
            Format::Flow => "Flow",
            Format::Greenfield => "Greenfield",
        }
    }

    /// Whether a key at the top of a text shows that it has this format.
    fn is_marked_by(self, key: &str) -> bool {
        match self {
            Format::Native => key == "limits",
            Format::Libp2p => libp2p::is_field(key),
            Format::Kubo => key == "Swarm",
            Format::Flow => matches!(key, "network-config" | "libp2p-resource-manager"),
            Format::Greenfield => key == "Rcmgr",
        }
    }

    /// The format of a text, by the keys at its top. What has none that tell is native, and so is
    /// what is no map: its reader says what is wrong.
    ///
    /// # Errors
    /// Keys of two formats stand side by side.
    pub fn recognise(source: &Arc<Source>, tree: &Node) -> Result<Format, Diagnostic> {
        let Value::Map(entries) = &tree.value else { return Ok(Format::Native) };
        let of_key = |key: &str| Format::ALL.into_iter().find(|format| format.is_marked_by(key));
        let mut marks =
            entries.iter().filter_map(|entry| of_key(&entry.key).map(|format| (format, entry)));
        let Some((format, first)) = marks.next() else { return Ok(Format::Native) };
        match marks.find(|(other, _)| *other != format) {
            None => Ok(format),
            Some((other, entry)) => {
                let message = format!(
                    "\"{}\" is a key of {}'s format and \"{}\" one of {}'s",
                    first.key,
                    format.program(),
                    entry.key,
                    other.program()
                );
                Err(Diagnostic::error(source, entry.key_span, message)
                    .related(first.key_span, format!("a key of {}'s format", format.program()))
                    .help(format!("say which it is: --from {format} or --from {other}")))
            }
        }
    }
}

/// The name on the command line.
impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Format {
    type Err = InvalidFormat;

    fn from_str(text: &str) -> Result<Format, InvalidFormat> {
        Format::ALL.into_iter().find(|format| format.name() == text).ok_or(InvalidFormat)
    }
}

#[cfg(test)]
mod tests;
