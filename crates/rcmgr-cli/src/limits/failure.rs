//! Why a command about limits ends early.

use std::{io, process::ExitCode};

use rcmgr_admin::{ClientError, TokenError};
use rcmgr_config::{Diagnostics, GivenError, LayersError, SourceError, peer};

use crate::args::BAD_INPUT;

/// Why a command about limits ends early.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A file cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Something is wrong in what was read.
    #[error("{0}")]
    Input(Diagnostics),
    /// It cannot be told what the node is given.
    #[error(transparent)]
    Given(#[from] GivenError),
    /// The node gives no answer.
    #[error(transparent)]
    Node(#[from] ClientError),
    /// The token is none.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The peer is none.
    #[error(transparent)]
    Peer(peer::InvalidPeer),
    /// The node refuses, or answers what is not understood.
    #[error("{0}")]
    Refused(String),
    /// What was found cannot be told.
    #[error(transparent)]
    Output(#[from] io::Error),
}

impl From<LayersError> for Failure {
    fn from(error: LayersError) -> Failure {
        match error {
            LayersError::Conflict(found) => Failure::Input(*found),
            LayersError::Given(error) => Failure::Given(error),
        }
    }
}

impl Failure {
    /// What the program ends with.
    pub fn code(&self) -> ExitCode {
        match self {
            Failure::Source(_) | Failure::Input(_) | Failure::Peer(_) => ExitCode::from(BAD_INPUT),
            _ => ExitCode::FAILURE,
        }
    }
}
