//! Learns a stream's protocol by watching its multistream-select negotiation go by.
//!
//! Each side first says which multistream it speaks. Then the dialer proposes one protocol after
//! the other, and the listener answers each with `na` or by repeating it, which is the agreement.
//! A dialer may also ask for a list with `ls`. Every message is a frame: its length as a varint,
//! then a line.
//!
//! With `V1Lazy` a dialer sends its own data right behind its only proposal, without waiting. So
//! after a proposal nothing more of that direction is parsed until its answer came: what follows
//! is a proposal if the answer was `na`, and data if the proposal was agreed.
//!
//! A remote party must not be able to hide its protocol, or it would escape that protocol's
//! limits. So whatever a libp2p listener answers and then goes on is followed here too: lists, and
//! names too long to be kept. What it fails on ends the watching.

use std::mem;

use rcmgr_core::Direction;

const HEADER: &[u8] = b"/multistream/1.0.0\n";
const LIST: &[u8] = b"ls\n";
const NOT_AVAILABLE: &[u8] = b"na\n";

/// The longest line that is kept. A longer one is skipped, so it is never the agreed protocol.
const MAX_LINE: usize = 1024;

/// How a negotiation stands.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Progress {
    Underway,
    Agreed(String),
    /// This is not a negotiation, or none that leads to a name; it need not be watched further.
    Unknown,
}

/// The negotiation of one stream, fed with the bytes that it reads and writes.
#[derive(Debug)]
pub(crate) struct Negotiation {
    direction: Direction,
    proposals: Lines,
    answers: Lines,
    unanswered: Option<Proposal>,
    /// Bytes were passed over behind the unanswered proposal.
    passed_over: bool,
}

#[derive(Debug)]
enum Proposal {
    Line(Vec<u8>),
    TooLong,
    List,
}

impl Negotiation {
    /// Of a stream that the remote party opened, or that this node opened.
    pub(crate) fn new(direction: Direction) -> Self {
        Negotiation {
            direction,
            proposals: Lines::default(),
            answers: Lines::default(),
            unanswered: None,
            passed_over: false,
        }
    }

    /// The stream has read `bytes`.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Progress {
        match self.direction {
            Direction::Inbound => self.propose(bytes),
            Direction::Outbound => self.answer(bytes),
        }
    }

    /// The stream has written `bytes`.
    pub(crate) fn wrote(&mut self, bytes: &[u8]) -> Progress {
        match self.direction {
            Direction::Inbound => self.answer(bytes),
            Direction::Outbound => self.propose(bytes),
        }
    }

    fn propose(&mut self, mut bytes: &[u8]) -> Progress {
        while !bytes.is_empty() {
            if self.unanswered.is_some() {
                self.passed_over = true;
                break;
            }
            self.unanswered = match self.proposals.next(&mut bytes) {
                Ok(None) => None,
                Ok(Some(Line::Kept(line))) if line == LIST => Some(Proposal::List),
                Ok(Some(Line::Kept(line))) => Some(Proposal::Line(line)),
                Ok(Some(Line::TooLong)) => Some(Proposal::TooLong),
                Err(Garbage) => return Progress::Unknown,
            };
        }
        Progress::Underway
    }

    fn answer(&mut self, mut bytes: &[u8]) -> Progress {
        while !bytes.is_empty() {
            let answer = match self.answers.next(&mut bytes) {
                Ok(None) => continue,
                // A dialer takes any number of headers before the answer.
                Ok(Some(Line::Kept(line))) if line == HEADER => continue,
                Ok(Some(answer)) => answer,
                Err(Garbage) => return Progress::Unknown,
            };
            match (self.unanswered.take(), answer) {
                (Some(Proposal::List), _) => {}
                (Some(_), Line::Kept(answer)) if answer == NOT_AVAILABLE => {}
                (Some(Proposal::Line(proposal)), Line::Kept(answer)) if proposal == answer => {
                    return agreed(proposal);
                }
                _ => return Progress::Unknown,
            }
            // The next proposal may be among what was passed over.
            if self.passed_over {
                return Progress::Unknown;
            }
        }
        Progress::Underway
    }
}

fn agreed(mut line: Vec<u8>) -> Progress {
    if line.pop() != Some(b'\n') {
        return Progress::Unknown;
    }
    String::from_utf8(line).map_or(Progress::Unknown, Progress::Agreed)
}

/// The lines of one direction after its header, cut out of bytes that arrive in any portions.
#[derive(Debug, Default)]
struct Lines {
    greeted: bool,
    part: Part,
    kept: Vec<u8>,
}

#[derive(Debug)]
enum Line {
    Kept(Vec<u8>),
    TooLong,
}

/// The bytes are no frame, or the first of them is no header.
#[derive(Debug)]
struct Garbage;

/// The part of a frame that comes next.
#[derive(Clone, Copy, Debug, Default)]
enum Part {
    #[default]
    FirstOfLength,
    /// After a first byte of these seven low bits.
    SecondOfLength(usize),
    Body {
        missing: usize,
        keep: bool,
    },
}

impl Lines {
    /// Takes bytes off `input` up to the end of a line; `None` when they do not reach it.
    fn next(&mut self, input: &mut &[u8]) -> Result<Option<Line>, Garbage> {
        while let Some((&first, rest)) = input.split_first() {
            let low = usize::from(first & 0x7f);
            let more = first & 0x80 != 0;
            match self.part {
                Part::FirstOfLength if more => {
                    *input = rest;
                    self.part = Part::SecondOfLength(low);
                }
                Part::FirstOfLength => {
                    *input = rest;
                    self.part = body(low)?;
                }
                // A length has two bytes at most.
                Part::SecondOfLength(_) if more => return Err(Garbage),
                Part::SecondOfLength(lower) => {
                    *input = rest;
                    self.part = body(low << 7 | lower)?;
                }
                Part::Body { missing, keep } => {
                    let (present, rest) = input.split_at(missing.min(input.len()));
                    *input = rest;
                    if keep {
                        self.kept.extend_from_slice(present);
                    }
                    if present.len() < missing {
                        self.part = Part::Body { missing: missing - present.len(), keep };
                        continue;
                    }
                    self.part = Part::FirstOfLength;
                    let line = mem::take(&mut self.kept);
                    match (self.greeted, keep) {
                        (true, true) => return Ok(Some(Line::Kept(line))),
                        (true, false) => return Ok(Some(Line::TooLong)),
                        (false, _) if line == HEADER => self.greeted = true,
                        (false, _) => return Err(Garbage),
                    }
                }
            }
        }
        Ok(None)
    }
}

fn body(length: usize) -> Result<Part, Garbage> {
    match length {
        0 => Err(Garbage),
        _ => Ok(Part::Body { missing: length, keep: length <= MAX_LINE }),
    }
}

#[cfg(test)]
mod tests;
