//! Requests that are not done.

use core::fmt::Display;

use axum::body::Body;
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use rcmgr_config::{ChangeError, Diagnostics, LayersError};
use serde_json::json;

use crate::routes::answer;
use crate::wishes::InvalidWish;
use crate::{refusal, views};

/// A request that is not done. Nothing of it is.
pub(crate) enum Refused {
    /// For a reason that is told in a sentence.
    Because(StatusCode, String),
    /// Something is wrong with what was put.
    Wrong(Box<Diagnostics>),
}

impl Refused {
    pub(crate) fn because(status: StatusCode, why: impl Display) -> Refused {
        Refused::Because(status, why.to_string())
    }
}

impl From<InvalidWish> for Refused {
    fn from(invalid: InvalidWish) -> Refused {
        Refused::because(StatusCode::BAD_REQUEST, invalid)
    }
}

impl From<ChangeError> for Refused {
    fn from(error: ChangeError) -> Refused {
        let status = match error {
            ChangeError::Layers(LayersError::Conflict(found)) => return Refused::Wrong(found),
            ChangeError::Stale { .. } => StatusCode::PRECONDITION_FAILED,
            ChangeError::Forgotten(..) | ChangeError::Oldest | ChangeError::Unwritable(_) => {
                StatusCode::CONFLICT
            }
            ChangeError::Layers(LayersError::Given(_)) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Refused::because(status, error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response<Body> {
        match self {
            Refused::Because(status, why) => refusal(status, &why),
            Refused::Wrong(found) => {
                let body = json!({
                    "error": "nothing was changed: something is wrong with what was put",
                    "diagnostics": views::diagnostics(&found),
                    "text": found.to_string(),
                });
                answer(StatusCode::UNPROCESSABLE_ENTITY, &body)
            }
        }
    }
}
