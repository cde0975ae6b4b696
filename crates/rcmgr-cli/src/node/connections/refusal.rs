//! What of a configuration the manager of connections cannot be made of, and where it stands.

use rcmgr_config::{Class, Diagnostic, Effective, Key, Severity, Subject};
use rcmgr_connmgr::{RegulatorError, ShareError};
use rcmgr_core::Resource;

/// Tells an error of a manager in the words of the configuration that it was to be made of.
pub fn refusal(error: RegulatorError, effective: &Effective) -> Diagnostic {
    let (high, low) = (Key::HighWatermark, Key::LowWatermark);
    let (system, limits) = bounding(effective);
    let share = match error {
        RegulatorError::Share(share) => share,
        // Of tags, rules and senses a configuration says nothing that could be refused: any grace and
        // any silence period will do.
        other => return Diagnostic::unplaced(Severity::Error, other.to_string()),
    };
    let (key, message, help) = match share {
        ShareError::SoftTooHigh { soft, most, hard, reserve } => {
            let message = format!(
                "{high} is {soft}, which leaves less than {reserve} of the limit of {hard} \
                 connections to those that are being opened"
            );
            (&high, message, format!("write {most} or less, or raise {limits}"))
        }
        ShareError::LowAboveSoft { low: mark, soft } => {
            let message = format!("{low} is {mark}, above the share of {soft} connections");
            (&low, message, format!("write {soft} or less, or raise {high}"))
        }
        ShareError::Zero(_) => {
            let zero = effective.connection_manager().high_watermark == Some(0);
            let key = if zero { &high } else { &low };
            let message = format!("{key} is 0, which would close every connection");
            (key, message, "leave it out to have it follow from the limits".to_owned())
        }
        ShareError::NoRoom { hard } => {
            let message = format!(
                "a limit of {hard} connections leaves none to keep beside one that is being opened"
            );
            (&system, message, format!("raise {limits}, so that 2 or more are let in"))
        }
        ShareError::Unbounded => {
            let message = "nothing bounds the number of connections".to_owned();
            (&high, message, format!("say {limits}, or {high}"))
        }
        other => (&high, other.to_string(), format!("change {high}, or leave it out")),
    };
    match effective.said(key) {
        Some(at) => Diagnostic::of_said(Severity::Error, at, message),
        None => Diagnostic::unplaced(Severity::Error, message),
    }
    .help(help)
}

/// Which limits of the system bound its connections: that of all, or those of both directions. The
/// first is the one to point at, one that somebody said if there is one.
fn bounding(effective: &Effective) -> (Key, String) {
    let key = |resource| Key::Limit(Subject::Class(Class::System), resource);
    let all = key(Resource::Connections);
    let system = &effective.limits.system;
    let [inbound, outbound] = [system.connections_inbound, system.connections_outbound];
    if system.connections.get() <= inbound.get().saturating_add(outbound.get()) {
        let name = all.to_string();
        return (all, name);
    }
    let directions = [Resource::ConnectionsInbound, Resource::ConnectionsOutbound].map(key);
    let names = format!("{} or {}", directions[0], directions[1]);
    let [inbound, outbound] = directions;
    let is_said = effective.said(&inbound).is_some() || effective.said(&outbound).is_none();
    (if is_said { inbound } else { outbound }, names)
}
