//! What there is no room for, and which connections would free some of it.

use super::Candidate;
use crate::Direction;

/// What there is no room for. Connections that hold none of it are no help, and stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Short {
    /// Connections, whatever they are.
    #[default]
    Connections,
    /// Connections that were opened by this side, or the other.
    Direction(Direction),
    /// File descriptors. Connections of QUIC, through relays, or inside a process hold none.
    Descriptors,
}

impl Short {
    /// Whether closing a connection helps.
    pub(super) fn is_freed_by(self, row: &Candidate) -> bool {
        match self {
            Short::Connections => true,
            Short::Direction(direction) => row.direction == direction,
            Short::Descriptors => row.descriptor,
        }
    }
}
