//! Limits in Flow's format, and what that format has no words for.

use core::fmt::Write;
use core::time::Duration;

use rcmgr_core::Limit;

use super::{
    CONNECTION_MANAGER, DEFAULT, FILE_DESCRIPTORS, FILE_DESCRIPTORS_RATIO, LIMITS, MEMORY,
    MEMORY_RATIO, MOST, OVERRIDES, RESOURCE_MANAGER, SCOPES, limit,
};
use crate::{
    Effective, Format, LeftOut, MemoryGiven, Ratio, Said, Setting, Settings, Share, Subject, What,
    go, libp2p,
};

/// What is in effect as a configuration of Flow in YAML, and what it does not say.
///
/// A limit that is go-libp2p's default for what the node is given is written as 0, and stays so on
/// a machine of another size. Where Flow cannot say what the node is given, all limits that it has
/// are written as numbers. What Flow cannot block is written as 1.
pub fn write(effective: &Effective) -> (String, Vec<LeftOut>) {
    let (memory, file_descriptors) = (memory(effective), file_descriptors(effective));
    let is_given = memory.is_some() && file_descriptors.is_some();
    let given = &effective.given;
    let defaults = libp2p::defaults().scale(given.memory, given.file_descriptors);
    let mut settings = Settings::default();
    let mut text = format!(
        "network-config:\n  {RESOURCE_MANAGER}:\n    {MEMORY_RATIO}: {}\n    \
         {FILE_DESCRIPTORS_RATIO}: {}\n    {OVERRIDES}:\n",
        memory.unwrap_or(MEMORY),
        file_descriptors.unwrap_or(FILE_DESCRIPTORS),
    );
    for (scope, class) in SCOPES {
        text.push_str(&format!("      {scope}:\n"));
        for (key, resource, _) in LIMITS {
            let wanted = class.limit(&effective.limits).get(resource);
            let is_default = wanted == class.limit(&defaults).get(resource);
            // What is blocked by default is so on every machine.
            let is_kept = is_default && (is_given || wanted == Limit::BLOCK_ALL);
            let number = if is_kept { 0 } else { number(wanted) };
            push(&mut text, format_args!("        {key}: {number}"));
            if let Some(limit) = limit(number) {
                let limits = settings.scopes.entry(Subject::Class(class)).or_default();
                limits.insert(resource, Said::new(Setting::Limit(limit), DEFAULT));
            }
        }
    }
    connection_manager(&mut text, &mut settings, effective);
    let written = Effective::of(settings, given.clone());
    let not_given = (!is_given).then_some(LeftOut { format: Format::Flow, what: What::Given });
    let mut left_out: Vec<LeftOut> = not_given.into_iter().collect();
    left_out.extend(LeftOut::of_limits(Format::Flow, &effective.limits, &written.limits));
    let manager = written.connection_manager();
    left_out.extend(LeftOut::beside_limits(Format::Flow, effective, &manager));
    (text, left_out)
}

/// The number that comes nearest to a limit.
fn number(limit: Limit) -> u64 {
    limit.get().clamp(1, MOST)
}

/// The part of the memory that the node is given, if it is given one.
fn memory(effective: &Effective) -> Option<Ratio> {
    let said = effective.settings().memory.as_ref().map(|said| said.value);
    match said.unwrap_or(MemoryGiven::Share(Share::MEMORY)) {
        MemoryGiven::Share(share) => part(share),
        MemoryGiven::Follow(_) => None,
    }
}

fn file_descriptors(effective: &Effective) -> Option<Ratio> {
    let said = effective.settings().file_descriptors.as_ref().map(|said| said.value);
    part(said.unwrap_or(Share::DESCRIPTORS))
}

fn part(share: Share) -> Option<Ratio> {
    match share {
        Share::Part(ratio) => Some(ratio),
        Share::Exactly(_) => None,
    }
}

/// Writes what is said of the connection manager, as far as Go can hold it.
fn connection_manager(text: &mut String, settings: &mut Settings, effective: &Effective) {
    let manager = effective.connection_manager();
    let written = &mut settings.connection_manager;
    let said = |number: &u64| *number <= MOST;
    let said_time = |time: &Duration| go::duration_text(*time).is_some();
    let fits = |number: Option<u64>| number.filter(said).map(|number| Said::new(number, DEFAULT));
    let fits_time =
        |time: Option<Duration>| time.filter(said_time).map(|time| Said::new(time, DEFAULT));
    written.high_watermark = fits(manager.high_watermark);
    written.low_watermark = fits(manager.low_watermark);
    written.grace_period = fits_time(manager.grace_period);
    written.silence_period = fits_time(manager.silence_period);
    let number = |said: &Option<Said<u64>>| said.as_ref().map(|said| said.value.to_string());
    let time = |said: &Option<Said<Duration>>| {
        said.as_ref().and_then(|said| go::duration_text(said.value))
    };
    let lines = [
        ("high-watermark", number(&written.high_watermark)),
        ("low-watermark", number(&written.low_watermark)),
        ("silence-period", time(&written.silence_period)),
        ("grace-period", time(&written.grace_period)),
    ];
    if lines.iter().any(|(_, value)| value.is_some()) {
        push(text, format_args!("  {CONNECTION_MANAGER}:"));
    }
    for (key, value) in lines {
        if let Some(value) = value {
            push(text, format_args!("    {key}: {value}"));
        }
    }
}

/// Adds a line.
fn push(text: &mut String, line: core::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("a string takes all that is written");
}
