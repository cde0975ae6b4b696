//! The state of a node as JSON.

use std::sync::Arc;

use rcmgr_config::document::Syntax;
use rcmgr_config::{
    Diagnostic, Diagnostics, Effective, Health, Proposal, Severity, Value as Held, Version, native,
};
use serde_json::{Value, json};

use crate::stat::ScopeName;

/// What is in effect, in the native format, with the version; and if wanted, with the origin of
/// each value by its key.
pub(crate) fn limits(version: &Version, explain: bool) -> Value {
    let effective = &version.effective;
    let text = native::write(&native::complete(effective), Syntax::Json);
    let mut document = serde_json::from_str(&text).expect("it was written as JSON");
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
        (key.to_string(), origin.into())
    });
    Value::Object(origins.collect())
}

/// What a change has done, or would do.
pub(crate) fn proposal(done: &Proposal, applied: bool, read: &Diagnostics) -> Value {
    let told = |value: &Option<Held>| value.as_ref().map(Held::to_string);
    let changes = done.changes.iter().map(|change| {
        json!({
            "key": change.key.to_string(),
            "before": told(&change.before),
            "after": told(&change.after),
        })
    });
    let over = done.over.iter().map(|over| {
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
        "over": over.collect::<Vec<_>>(),
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

/// The versions that are kept.
pub(crate) fn versions(versions: &[Arc<Version>]) -> Value {
    let versions = versions
        .iter()
        .map(|version| json!({ "version": version.number, "cause": version.cause.to_string() }));
    json!({ "versions": versions.collect::<Vec<_>>() })
}

/// How the limits are.
pub(crate) fn health(health: &Health) -> Value {
    match &health.problem {
        None => json!({ "status": "ok", "version": health.version }),
        Some(problem) => {
            json!({ "status": "bad file", "version": health.version, "problem": problem })
        }
    }
}
