//! Whom a trim of version 1 closes, decided by pure functions over rows.
//!
//! [`target`] says how many connections go, and [`choose()`] brings the [`Row`]s of peers into the
//! [`Order`] in which they do. A [`Manager`](crate::Manager) decides by these, and tells of a trim
//! its [`Kind`] and why it was [`Idle`]. Alone they serve simulations, and tables of one's own.

mod candidate;
mod choose;

pub use crate::manager::{Kind, Ranked};
pub use candidate::{Order, Row};
pub use choose::{Idle, choose, target};
