//! Settings from variables of the environment.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::form::{self, Part, PartName};
use super::read::{assign, read};
use super::report::{Place, Report};
use super::schema::{self, Slot};
use super::{set, value};
use crate::document::{self, Node, Syntax};
use crate::{At, Diagnostic, Diagnostics, Settings, Severity, Source, nearest};

/// What every variable begins with.
const PREFIX: &str = "RCMGR_";
/// The variable that has a whole document.
const DOCUMENT: &str = "RCMGR_LIMITS";
/// Variables that others read.
const OTHERS: [&str; 2] = ["RCMGR_ADMIN_TOKEN", "RCMGR_CONFIG"];

/// Reads settings from variables of the environment; all that is wrong is added to `diagnostics`.
///
/// Each value that has a place without names has a variable: `RCMGR_` and its path in upper case,
/// without `limits`, and with `_` for each dot and `-`: `RCMGR_SYSTEM_STREAMS_INBOUND`,
/// `RCMGR_MEMORY`. Each part of it has one too: `RCMGR_MEMORY_RATIO`. `RCMGR_LIMITS` has a whole
/// document in YAML, TOML or JSON, over which the others are laid.
///
/// A variable with a value that cannot be is an error, and so are two that say the same thing in
/// different ways. One that is not known is a warning, because Kubernetes puts variables such as
/// `RCMGR_PORT` into each pod beside a service that is called rcmgr.
///
/// ```
/// use rcmgr_config::{Diagnostics, native};
///
/// let vars = [("RCMGR_PEER_STREAMS", "64"), ("RCMGR_MEMORY_RATIO", "0.25"), ("HOME", "/")];
/// let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
/// let mut diagnostics = Diagnostics::default();
/// let settings = native::environment(vars, &mut diagnostics);
/// assert!(diagnostics.is_empty());
/// assert_eq!(settings.memory.map(|said| said.at.to_string()).as_deref(), Some("$RCMGR_MEMORY_RATIO"));
/// ```
pub fn environment(
    vars: impl IntoIterator<Item = (String, String)>,
    diagnostics: &mut Diagnostics,
) -> Settings {
    let ours =
        |(name, _): &(String, String)| name.starts_with(PREFIX) && !OTHERS.contains(&name.as_str());
    let mut vars: BTreeMap<String, String> = vars.into_iter().filter(ours).collect();
    let document = vars.remove(DOCUMENT);
    let mut settings = document.and_then(|text| of_document(text, diagnostics)).unwrap_or_default();
    let mut known = Vec::new();
    for (path, slot) in schema::fixed() {
        let variables = Variables::of(&path, slot);
        known.extend(variables.names().map(str::to_owned));
        variables.read(&mut vars, &mut settings, diagnostics);
    }
    for name in vars.keys() {
        diagnostics.push(unknown(name, &known));
    }
    settings
}

/// The names of all variables that have a value, each with the path of the value.
pub fn variables() -> Vec<(String, String)> {
    let fixed = schema::fixed().into_iter();
    fixed.map(|(path, _)| (variable(&path), path.join("."))).collect()
}

fn of_document(text: String, diagnostics: &mut Diagnostics) -> Option<Settings> {
    let source = match Source::new(DOCUMENT, text) {
        Ok(source) => Arc::new(source),
        Err(why) => {
            diagnostics.push(error(why.to_string()));
            return None;
        }
    };
    let tree = document::parse(Syntax::of(&source), &source, diagnostics)?;
    read(&source, &tree, diagnostics)
}

fn variable(path: &[&str]) -> String {
    let path = path.strip_prefix(&["limits"]).unwrap_or(path);
    format!("{PREFIX}{}", path.join("_").replace('-', "_").to_uppercase())
}

fn place(name: &str) -> Place {
    Place::Value(At::Environment(name.into()))
}

fn error(message: String) -> Diagnostic {
    Diagnostic::unplaced(Severity::Error, message)
}

fn unknown(name: &str, known: &[String]) -> Diagnostic {
    let message = format!("${name} is not known, and is ignored");
    let unknown = Diagnostic::unplaced(Severity::Warning, message);
    fn bare(name: &str) -> Option<&str> {
        name.strip_prefix(PREFIX)
    }
    match nearest(bare(name).unwrap_or(name), known.iter().filter_map(|known| bare(known))) {
        Some(nearest) => unknown.help(format!("did you mean {PREFIX}{nearest}?")),
        None => unknown,
    }
}

/// The variables that say one value: one for the whole of it, and one for each part.
struct Variables {
    slot: Slot,
    whole: String,
    parts: Vec<(PartName, String)>,
}

impl Variables {
    fn of(path: &[&'static str], slot: Slot) -> Variables {
        let part = |part: &Part| {
            let path: Vec<&str> = path.iter().copied().chain([part.name.key()]).collect();
            (part.name, variable(&path))
        };
        let parts = form::sets(form::forms(&slot)).flatten().map(part).collect();
        Variables { slot, whole: variable(path), parts }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        [&*self.whole].into_iter().chain(self.parts.iter().map(|(_, name)| &**name))
    }

    /// Takes the variables that are set, and keeps what they say.
    fn read(
        &self,
        vars: &mut BTreeMap<String, String>,
        settings: &mut Settings,
        diagnostics: &mut Diagnostics,
    ) {
        let whole = vars.remove(&self.whole);
        let take = |(part, name): &(PartName, String)| vars.remove(name).map(|text| (*part, text));
        let parts: Vec<(PartName, String)> = self.parts.iter().filter_map(take).collect();
        match (whole, parts.as_slice()) {
            (None, []) => {}
            (None, [(first, _), ..]) => {
                let place = place(self.name(*first));
                if let Some(node) = self.of_parts(&parts, diagnostics) {
                    self.assign(&node, settings, Report::new(place, diagnostics));
                }
            }
            (Some(text), []) => {
                let mut report = Report::new(place(&self.whole), diagnostics);
                if let Some(node) = set::node(&self.slot, &text, &mut report) {
                    self.assign(&node, settings, report);
                }
            }
            (Some(_), [(part, _), ..]) => diagnostics.push(twice(&self.whole, self.name(*part))),
        }
    }

    fn assign(&self, node: &Node, settings: &mut Settings, mut report: Report<'_>) {
        assign(&self.slot, &set::name(&self.slot), node, settings, &mut report);
    }

    fn name(&self, part: PartName) -> &str {
        let known = self.parts.iter().find(|(name, _)| *name == part);
        known.map_or("", |(_, variable)| variable)
    }

    /// The tree of what several variables say together, each of which is read by itself before so
    /// that what is wrong tells the variable.
    fn of_parts(
        &self,
        given: &[(PartName, String)],
        diagnostics: &mut Diagnostics,
    ) -> Option<Node> {
        let keys: Vec<&str> = given.iter().map(|(part, _)| part.key()).collect();
        let set = value::choose(form::forms(&self.slot), &keys)?;
        let mut nodes = Vec::new();
        let in_set = |name: PartName| set.iter().find(|part| part.name == name);
        let first = given.iter().find(|(name, _)| in_set(*name).is_some());
        let first = first.map_or("", |(name, _)| self.name(*name));
        for (name, text) in given {
            let Some(part) = in_set(*name) else {
                diagnostics.push(twice(first, self.name(*name)));
                continue;
            };
            let node = set::text(text);
            let mut report = Report::new(place(self.name(*name)), diagnostics);
            nodes.extend(value::of_part(part, &node, &mut report).map(|_| (name.key(), node)));
        }
        let missing = set.iter().filter(|part| part.required && !keys.contains(&part.name.key()));
        let missing: Vec<&str> = missing.map(|part| self.name(part.name)).collect();
        if !missing.is_empty() {
            let message = format!("${first} says nothing without ${}", missing.join(" and $"));
            diagnostics.push(error(message).help("set all of them, or none"));
        }
        (nodes.len() == given.len() && missing.is_empty()).then(|| set::parts(nodes))
    }
}

fn twice(one: &str, other: &str) -> Diagnostic {
    let message = format!("${one} and ${other} say the same thing in different ways");
    error(message).help("unset one of them")
}
