//! Limits in Greenfield's format, and what that format has no words for.

use core::fmt::Write;
use std::collections::BTreeMap;

use rcmgr_core::{ConnectionRates, IpLimits, Limits, Name, ScopeLimit};

use super::{LIMITS, limit, most};
use crate::{ConnectionManager, Effective, Format, LeftOut};

/// What is in effect as a configuration of Greenfield in TOML, and what it does not say.
///
/// What is unlimited, but for memory, is written as 2147483647, the greatest number that
/// Greenfield has; where nothing at all is limited, its resource manager is switched off.
pub fn write(effective: &Effective) -> (String, Vec<LeftOut>) {
    let limits = &effective.limits;
    let unlimited = Limits {
        ip: IpLimits::unlimited(),
        rates: ConnectionRates::unlimited(),
        ..Limits::default()
    };
    let (text, written) = match *limits == unlimited {
        true => ("[Rcmgr]\nDisableRcmgr = true\n".to_owned(), unlimited),
        false => written(limits, unlimited),
    };
    let mut left_out = LeftOut::of_limits(Format::Greenfield, limits, &written);
    let manager = ConnectionManager::default();
    left_out.extend(LeftOut::beside_limits(Format::Greenfield, effective, &manager));
    (text, left_out)
}

/// The text, and the limits that it says.
fn written(limits: &Limits, unlimited: Limits) -> (String, Limits) {
    let mut text = "[Rcmgr]\nDisableRcmgr = false\n\n[Rcmgr.GfSpLimiter.System]\n".to_owned();
    let system = scope(&mut text, &limits.system);
    let services: BTreeMap<&Name, &ScopeLimit> = limits.services.iter().collect();
    let services = services.into_iter().map(|(name, limit)| {
        text.push_str("\n[Rcmgr.GfSpLimiter.ServiceLimit.");
        push_key(&mut text, name);
        text.push_str("]\n");
        (name.clone(), scope(&mut text, limit))
    });
    let services = services.collect();
    (text, Limits { system, services, ..unlimited })
}

/// Writes the limits of a scope, as near as they can be said, and tells those.
fn scope(text: &mut String, wanted: &ScopeLimit) -> ScopeLimit {
    LIMITS.into_iter().fold(ScopeLimit::UNLIMITED, |said, (key, resource, _)| {
        let number = wanted.get(resource).get().min(most(resource));
        writeln!(text, "{key} = {number}").expect("a string takes all that is written");
        said.with(resource, limit(resource, number))
    })
}

/// Writes a key of TOML between quotation marks.
fn push_key(text: &mut String, key: &str) {
    text.push('"');
    for character in key.chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            control if control.is_control() => {
                let code = u32::from(control);
                write!(text, "\\u{code:04x}").expect("a string takes all that is written");
            }
            other => text.push(other),
        }
    }
    text.push('"');
}
