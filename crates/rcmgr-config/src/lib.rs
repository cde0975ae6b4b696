//! Limits from configuration files.
//!
//! The same number means different things in different formats: 0 is "block all" in go-libp2p's
//! JSON and "inherit" elsewhere. So each format has its own types, which keep what was written
//! apart from what it means, and which become [`rcmgr_core::Limits`] over a base.

pub mod libp2p;
