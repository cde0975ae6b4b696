//! The lines of a file, packed or not, of which nobody knows how long it is.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read as _},
    path::Path,
    sync::Arc,
};

use flate2::bufread::MultiGzDecoder;

use crate::{Fault, Place, ScriptError};

/// The longest line that is read; headers have some kilobytes.
const LONGEST_LINE: usize = 1 << 20;
/// The longest file that is read, unpacked: a small packed file may hold a huge one.
const LONGEST_FILE: u64 = 1 << 28;

/// What gzip begins with; no JSON does.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Reads a file line by line; a line that is blank counts, and is passed over.
pub struct Lines {
    reader: Box<dyn BufRead>,
    file: Arc<str>,
    line: u64,
    read: u64,
    buffer: Vec<u8>,
}

impl core::fmt::Debug for Lines {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Lines").field("file", &self.file).field("line", &self.line).finish()
    }
}

impl Lines {
    pub fn open(path: &Path) -> Result<Lines, ScriptError> {
        let error = |error| ScriptError { place: Place::file(path), fault: Fault::Io(error) };
        let mut reader = BufReader::new(File::open(path).map_err(error)?);
        let packed = reader.fill_buf().map_err(error)?.starts_with(&GZIP);
        let file = path.display().to_string();
        Ok(match packed {
            true => Lines::new(&file, BufReader::new(MultiGzDecoder::new(reader))),
            false => Lines::new(&file, reader),
        })
    }

    pub fn new(file: &str, reader: impl BufRead + 'static) -> Lines {
        let reader = Box::new(reader);
        Lines { reader, file: file.into(), line: 0, read: 0, buffer: Vec::new() }
    }

    /// The line that was read last.
    pub fn place(&self) -> Place {
        Place { file: self.file.clone(), line: (self.line > 0).then_some(self.line) }
    }

    pub fn error(&self, fault: Fault) -> ScriptError {
        ScriptError { place: self.place(), fault }
    }

    /// Goes to the next line that is not blank; `false` at the end of the file.
    pub fn advance(&mut self) -> Result<bool, ScriptError> {
        loop {
            self.buffer.clear();
            let longest = LONGEST_LINE as u64 + 1;
            let read = (&mut self.reader).take(longest).read_until(b'\n', &mut self.buffer);
            // What cannot be read would have been on the next line.
            self.line += 1;
            let read = read.map_err(|error| self.error(Fault::Io(error)))?;
            if read == 0 {
                self.line -= 1;
                return Ok(false);
            }
            self.read += read as u64;
            if read > LONGEST_LINE {
                return Err(self.error(Fault::LineTooLong(LONGEST_LINE)));
            }
            if self.read > LONGEST_FILE {
                return Err(self.error(Fault::FileTooLong(LONGEST_FILE)));
            }
            if !self.buffer.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }

    /// The text of the line.
    pub fn text(&self) -> Result<&str, ScriptError> {
        let text = core::str::from_utf8(&self.buffer);
        text.map(str::trim).map_err(|_| self.error(Fault::NotText))
    }

    /// The line as a value, which is an object: that an array of its fields is taken for one by
    /// the parser is not of the format.
    pub fn parse<T: for<'de> serde::Deserialize<'de>>(&self) -> Result<T, ScriptError> {
        let text = self.text()?;
        if !text.starts_with('{') {
            return Err(self.error(Fault::NotAnObject));
        }
        serde_json::from_str(text).map_err(|error| self.error(Fault::Json(error)))
    }
}
