//! The state of a node as JSON.

use std::sync::Arc;

use rcmgr_config::{
    Diagnostic, Diagnostics, Effective, Given, Health, Key, MemoryGiven, OfMemory, PressureLevel,
    Proposal, Severity, Size, Value as Held, Version, native,
};
use serde_json::{Value, json};

use crate::stat::ScopeName;

/// How many changed values, and how many scopes that are over, are told one by one.
const MOST_CHANGES: usize = 10_000;
const MOST_OVER: usize = 1_000;

/// What is in effect, in the native format, with the version; and if wanted, with the origin of
/// each value by its key. Memory that follows the machine is told by how it does, or else what is
/// put back would no longer follow.
pub(crate) fn limits(version: &Version, explain: bool) -> Value {
    let effective = &version.effective;
    let mut settings = native::complete(effective);
    let memory = &effective.settings().memory;
    if memory.as_ref().is_some_and(|said| matches!(said.value, MemoryGiven::Follow(_))) {
        settings.memory.clone_from(memory);
    }
    let mut document = native::to_json(&settings);
    if let Value::Object(document) = &mut document {
        document.insert("version".into(), version.number.into());
        if explain {
            document.insert("origins".into(), origins(effective));
        }
    }
    document
}

fn origins(effective: &Effective) -> Value {
    let origins = effective.values().into_keys().map(|key| {
        let origin = effective.origin(&key).to_string();
        let origin = match (&key, &effective.given) {
            (Key::Memory, Given { memory, of_memory: Some(OfMemory::Free(..)), .. }) => {
                format!("{origin}, {} at this moment", Size(*memory))
            }
            _ => origin,
        };
        (key.to_string(), origin.into())
    });
    Value::Object(origins.collect())
}

/// What a change has done, or would do.
pub(crate) fn proposal(done: &Proposal, applied: bool, read: &Diagnostics) -> Value {
    let told = |value: &Option<Held>| value.as_ref().map(Held::to_string);
    let changes = done.changes.iter().take(MOST_CHANGES).map(|change| {
        json!({
            "key": change.key.to_string(),
            "before": told(&change.before),
            "after": told(&change.after),
        })
    });
    let over = done.over.iter().take(MOST_OVER).map(|over| {
        json!({
            "scope": ScopeName::of(&over.scope),
            "resource": over.resource.name(),
            "used": over.used,
            "limit": over.limit.get(),
            "text": over.to_string(),
        })
    });
    let warnings = read.warnings().iter().chain(&done.warnings).map(diagnostic);
    json!({
        "version": done.version.number,
        "cause": done.version.cause.to_string(),
        "applied": applied,
        "changes": changes.collect::<Vec<_>>(),
        "more_changes": done.changes.len().saturating_sub(MOST_CHANGES),
        "over": over.collect::<Vec<_>>(),
        "more_over": done.over.len().saturating_sub(MOST_OVER),
        "warnings": warnings.collect::<Vec<_>>(),
    })
}

pub(crate) fn diagnostics(found: &Diagnostics) -> Vec<Value> {
    found.errors().iter().chain(found.warnings()).map(diagnostic).collect()
}

fn diagnostic(found: &Diagnostic) -> Value {
    let severity = match found.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let position = found.position();
    json!({
        "severity": severity,
        "message": found.message(),
        "line": position.map(|position| position.line),
        "column": position.map(|position| position.column),
        "help": found.help_text(),
    })
}

/// The versions that are kept, oldest first, and the one in effect.
pub(crate) fn versions(versions: &[Arc<Version>]) -> Value {
    let current = versions.last().map(|version| version.number);
    let versions = versions
        .iter()
        .map(|version| json!({ "version": version.number, "cause": version.cause.to_string() }));
    json!({ "version": current, "versions": versions.collect::<Vec<_>>() })
}

/// How the limits are, and how short of memory the node is.
pub(crate) fn health(health: &Health, pressure: PressureLevel) -> Value {
    let status = if health.problem.is_none() { "ok" } else { "bad file" };
    let mut told = json!({
        "status": status,
        "version": health.version,
        "memory_pressure": pressure.to_string(),
    });
    if let Some(problem) = &health.problem {
        told["problem"] = problem.as_str().into();
    }
    told
}
