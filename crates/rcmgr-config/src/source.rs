//! A text with the name that it is told by, and places in it.

use core::fmt;
use core::ops::Range;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// A text that limits are read from: a file as the user named it, or a variable of the
/// environment such as `RCMGR_LIMITS`.
///
/// No text is longer than [`Source::MAX_LEN`], so a place in it fits in a [`Span`].
///
/// ```
/// use rcmgr_config::Source;
///
/// let source = Source::new("limits.yaml", "system:\n  streams: 1\n")?;
/// let streams = source.span(10..17);
/// assert_eq!(&source.text()[streams.range()], "streams");
/// assert_eq!(source.position(streams).to_string(), "2:3");
/// # Ok::<(), rcmgr_config::SourceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
    /// Where each line begins, the first at 0.
    lines: Vec<u32>,
}

/// A range of bytes of the text of a [`Source`], on boundaries of characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    start: u32,
    end: u32,
}

/// A place as people count it; as text `12:9`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: u32,
    /// The character in the line, from 1.
    pub column: u32,
}

/// Why there is no text to read limits from.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The operating system does not give it.
    #[error("{name}: {error}")]
    Unreadable {
        /// The file.
        name: String,
        /// Why not.
        error: io::Error,
    },
    /// It is longer than [`Source::MAX_LEN`].
    #[error("{name}: it is longer than 16 MiB, which no file of limits is; is it the right file?")]
    TooLong {
        /// The name of the text.
        name: String,
    },
    /// It is not UTF-8.
    #[error("{name}:{line}: byte {byte} of the file is not UTF-8; save the file as UTF-8")]
    NotUtf8 {
        /// The file.
        name: String,
        /// The line of that byte, from 1.
        line: usize,
        /// The first byte that is not, from 1.
        byte: usize,
    },
}

const BYTE_ORDER_MARK: char = '\u{feff}';

impl Source {
    /// The longest text that is taken, in bytes: 16 MiB.
    pub const MAX_LEN: usize = 16 << 20;

    /// Reads a file, of which a byte order mark is dropped. Of one that is too long, or never
    /// ends, no more is read than shows that.
    ///
    /// # Errors
    /// The file cannot be read, is too long, or is not UTF-8.
    pub fn read(path: impl AsRef<Path>) -> Result<Source, SourceError> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let mut bytes = Vec::new();
        let enough = Source::MAX_LEN as u64 + 1;
        let read = File::open(path).and_then(|file| file.take(enough).read_to_end(&mut bytes));
        if let Err(error) = read {
            return Err(SourceError::Unreadable { name, error });
        }
        if bytes.len() > Source::MAX_LEN {
            return Err(SourceError::TooLong { name });
        }
        match String::from_utf8(bytes) {
            Ok(text) => Source::new(name, text),
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let line = 1 + error.as_bytes()[..valid].iter().filter(|b| **b == b'\n').count();
                Err(SourceError::NotUtf8 { name, line, byte: valid + 1 })
            }
        }
    }

    /// A text that is at hand already. A byte order mark is dropped.
    ///
    /// # Errors
    /// The text is too long.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Result<Source, SourceError> {
        let (name, mut text) = (name.into(), text.into());
        if text.len() > Source::MAX_LEN {
            return Err(SourceError::TooLong { name });
        }
        if text.starts_with(BYTE_ORDER_MARK) {
            text.remove(0);
        }
        let starts = text.bytes().zip(1..).filter(|(byte, _)| *byte == b'\n').map(|(_, next)| next);
        let lines = [0].into_iter().chain(starts).collect();
        Ok(Source { name, text, lines })
    }

    /// What the text is told by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text, without a byte order mark.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The span of a range of bytes. What lies outside of the text or amid a character is moved
    /// back into it, so that libraries which point past the end do no harm.
    pub fn span(&self, range: Range<usize>) -> Span {
        let within = |mut at: usize| {
            at = at.min(self.text.len());
            while !self.text.is_char_boundary(at) {
                at -= 1;
            }
            u32::try_from(at).expect("a text is at most 16 MiB long")
        };
        let start = within(range.start);
        Span { start, end: within(range.end).max(start) }
    }

    /// The line and column at which a span begins.
    pub fn position(&self, span: Span) -> Position {
        let at = self.span(span.range());
        let line = self.line_of(at);
        let before = &self.text[self.lines[line] as usize..at.range().start];
        let count = |number: usize| u32::try_from(number).expect("a text is at most 16 MiB long");
        Position { line: count(line + 1), column: count(before.chars().count() + 1) }
    }

    /// The range of the line in which a span begins, without what ends it.
    pub(crate) fn line(&self, span: Span) -> Range<usize> {
        let line = self.line_of(span);
        let start = self.lines[line] as usize;
        let end = self.lines.get(line + 1).map_or(self.text.len(), |next| *next as usize);
        let line = &self.text[start..end];
        let line = line.strip_suffix('\n').unwrap_or(line);
        start..start + line.strip_suffix('\r').unwrap_or(line).len()
    }

    /// The index of the line in which a span begins.
    fn line_of(&self, span: Span) -> usize {
        self.lines.partition_point(|start| *start <= span.start) - 1
    }
}

impl Span {
    /// The bytes.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The span from the beginning of this one to the end of another.
    pub(crate) fn to(self, end: Span) -> Span {
        Span { start: self.start, end: end.end.max(self.start) }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

#[cfg(test)]
mod tests;
