//! How much one document may hold.

use super::{Node, Report, Value};
use crate::Span;

/// How many lists and maps may stand inside each other.
pub const MAX_DEPTH: usize = 64;

/// How many keys and values a document may hold. Of a text that an alias of YAML repeats, each 64
/// bytes count as one more.
pub const MAX_SIZE: usize = 1 << 20;

/// What a value takes of the bounds.
#[derive(Clone, Copy, Default)]
pub(super) struct Extent {
    /// The keys and values.
    pub(super) size: usize,
    /// The lists and maps inside each other.
    pub(super) depth: usize,
}

impl Extent {
    /// Of a value that is within the depth.
    pub(super) fn of(node: &Node) -> Extent {
        let text = |text: &str| Extent { size: 1 + text.len() / 64, depth: 0 };
        let around = |parts: Extent| Extent { size: parts.size + 1, depth: parts.depth + 1 };
        match &node.value {
            Value::Null | Value::Bool(_) => text(""),
            Value::Number(number) => text(number),
            Value::Text(value) => text(value),
            Value::List(items) => around(items.iter().map(Extent::of).collect()),
            Value::Map(entries) => {
                let parts = entries.iter().flat_map(|e| [text(&e.key), Extent::of(&e.value)]);
                around(parts.collect())
            }
        }
    }
}

/// Of values beside each other.
impl FromIterator<Extent> for Extent {
    fn from_iter<T: IntoIterator<Item = Extent>>(parts: T) -> Extent {
        parts.into_iter().fold(Extent::default(), |all, part| Extent {
            size: all.size + part.size,
            depth: all.depth.max(part.depth),
        })
    }
}

impl Report<'_> {
    /// Adds that there are more lists and maps inside each other than may be.
    pub(super) fn too_deep(&mut self, span: Span) {
        let message = format!("more than {MAX_DEPTH} lists and maps stand inside each other here");
        self.error_with_help(span, message, "no file of limits needs that; is it the right file?");
    }

    /// Adds that there is more than a document may hold.
    pub(super) fn too_large(&mut self, span: Span) {
        let message = format!("there are more than {MAX_SIZE} keys and values up to here");
        self.error_with_help(span, message, "no file of limits needs that; is it the right file?");
    }

    /// Adds that there is more than a document may hold once aliases are what they stand for.
    pub(super) fn too_large_with_aliases(&mut self, span: Span) {
        let message = format!(
            "there are more than {MAX_SIZE} keys and values up to here, with each alias counted as \
             what it stands for"
        );
        self.error_with_help(span, message, "write out what is meant, without aliases of aliases");
    }
}
