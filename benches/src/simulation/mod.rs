//! A simulation of a node over virtual days: which of its connections are kept, and which were worth
//! keeping.
//!
//! A [`world`] has honest peers of several kinds, see [`kind`], and perhaps attackers, see
//! [`attack`], as its [`scenario`] says. What honest peers want follows from the seed alone: every
//! [algorithm](algorithms) meets the same demand. What counts as kept is told by
//! [measures](measures::Served), which knows no score of any algorithm.

pub mod algorithm;
pub mod algorithms;
pub mod attack;
pub mod chance;
pub mod kind;
pub mod measures;
pub mod page;
pub mod plots;
pub mod scenario;
pub mod suite;
pub mod world;
