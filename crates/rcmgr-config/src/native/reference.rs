//! The reference page of the native format.

use core::fmt::Write as _;

use super::form::{Form, Part, Scalar, forms, sets};
use super::schema::{Field, Names, Record, Shape, Slot};
use super::variables;
use crate::{Class, Protocols, Subject, Transport};

const HEAD: &str = "\
# Limits reference

<!-- Made from the declaration of the format by the tests of rcmgr-config: do not edit. -->

A file of limits is written in YAML, TOML or JSON; the keys are the same in each. What a file does
not say holds as before: as a source of lower precedence says it, or else as `base` has it. Keys
that are not known, keys that stand twice, and values that cannot be are errors, all told at once.
Editors can check files by the [JSON Schema](limits.schema.json).

A set of keys that is left empty says nothing. A name that is left empty is known, and goes by its
class. `version` and `origins` at the top are not read: a running node answers them beside its
limits, and its answer can be kept as a file.

## Values

| value | is written | |
|---|---|---|
| size | `64MiB`, `1.5GB`, `1_000_000` | Bytes, with units of 1024 (`KiB` to `EiB`) or 1000 (`kB` to `EB`). The `B` may be left out, and case does not matter. Less than 2^64. |
| number | `64`, `1_000` | A whole number, less than 2^64 where nothing else is said. |
| ratio | `0.25` | Above 0 and at most 1. |
| portion | `64`, `5%`, `0.25%` | So many connections, or a part of the soft share, with two decimals at most. |
| time | `20s`, `500ms`, `1h 30m`, `2 days` | With a unit, and at most 366 days. `M` is refused: it would be a month. |
| `unlimited` | | No bound. So is 2^64-1. |
| `block` | | Nothing is admitted. So is 0. |
| `default` | | What `base` has, whatever sources of lower precedence say. |

Numbers may be written as texts, as JSON needs it for `\"1_000\"` and for those above 2^53.
";

const TAIL: &str = "
## Variables of the environment

Each value that has a place without names has a variable: `RCMGR_` and its path in upper case,
without `limits`, and with `_` for each dot and `-`. Each part of a value has one too. An allowlist
is written with commas. `RCMGR_LIMITS` has a whole document, over which the others are laid.

| variable | path |
|---|---|
";

/// The native format as a page of the book, in Markdown.
pub fn reference() -> String {
    let scope = Record::Scope(Subject::Class(Class::System));
    let quota = Record::Quota(Protocols::Prefix("".into()));
    let sections = [
        ("The file", "", Record::Root),
        ("`limits`", "", Record::Limits),
        ("The limits of a scope", "Under each key of `limits`, and under each name.", scope),
        ("`connections-by-address`", "", Record::Connections),
        ("`connection-rates`", "", Record::Rates),
        ("`base-memory`", "", Record::BaseMemory),
        ("The memory of a transport", "Under each transport.", Record::Carriers(Transport::Tcp)),
        ("`connection-manager`", "", Record::ConnectionManager),
        ("The quota of protocols", "Under each name in `quotas`.", quota),
    ];
    let mut page = HEAD.to_owned();
    for (title, about, record) in sections {
        section(&mut page, title, about, &record);
    }
    page.push_str(TAIL);
    for (variable, path) in variables().into_iter().filter(|(_, path)| is_example(path)) {
        row(&mut page, &[&format!("`{variable}`"), &format!("`{path}`")]);
    }
    page
}

/// The variables of one scope stand for those of all.
fn is_example(path: &str) -> bool {
    !path.starts_with("limits.") || path.starts_with("limits.system.")
}

fn section(page: &mut String, title: &str, about: &str, record: &Record) {
    let _ = write!(page, "\n## {title}\n\n");
    if !about.is_empty() {
        let _ = write!(page, "{about}\n\n");
    }
    page.push_str("| key | value | |\n|---|---|---|\n");
    let fields = record.fields();
    for Field { key, doc, shape } in &fields {
        row(page, &[&format!("`{key}`"), &value(shape), doc]);
    }
    let mut told: Vec<String> = Vec::new();
    for set in
        fields.iter().filter_map(|field| slot(&field.shape)).flat_map(|slot| sets(forms(&slot)))
    {
        let parts = parts(set);
        if !told.contains(&parts) {
            page.push_str(&parts);
            told.push(parts);
        }
    }
}

/// The value whose forms are told with a field: its own, or that under a name.
fn slot(shape: &Shape) -> Option<Slot> {
    match shape {
        Shape::Value(slot) => Some(slot.clone()),
        Shape::Names(names) => slot(&names.named(names.example()).ok()?.shape),
        Shape::Record(_) => None,
    }
}

fn row(page: &mut String, cells: &[&str]) {
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}

fn value(shape: &Shape) -> String {
    match shape {
        Shape::Record(Record::Scope(_)) => "[limits of a scope](#the-limits-of-a-scope)".to_owned(),
        Shape::Record(Record::Carriers(_)) => {
            "[memory of a transport](#the-memory-of-a-transport)".to_owned()
        }
        Shape::Record(Record::Quota(_)) => "[quota](#the-quota-of-protocols)".to_owned(),
        Shape::Record(_) => "see below".to_owned(),
        Shape::Names(names) => {
            let below = names.named(names.example()).map(|named| value(&named.shape));
            format!("{} → {}", key(*names), below.unwrap_or_default())
        }
        Shape::Value(slot) => {
            let forms: Vec<String> = forms(slot).iter().map(form).collect();
            forms.join(", ")
        }
    }
}

fn key(names: Names) -> String {
    format!("{}, such as `{}`", names.meaning(), names.example())
}

fn form(form: &Form) -> String {
    match form {
        Form::Scalar(scalar) => name(*scalar),
        Form::Word(word) => format!("`{}`", word.text()),
        Form::Parts(parts) => {
            let keys: Vec<&str> = parts.iter().map(|part| part.name.key()).collect();
            format!("`{{{}}}`", keys.join(", "))
        }
        Form::Entries => "a list of networks and multiaddrs".to_owned(),
    }
}

fn name(scalar: Scalar) -> String {
    match scalar {
        Scalar::Size => "size".to_owned(),
        Scalar::Count(u64::MAX) => "number".to_owned(),
        Scalar::Count(most) => format!("number, at most {most}"),
        Scalar::Ratio => "ratio".to_owned(),
        Scalar::PerSecond => "number, also with a fraction".to_owned(),
        Scalar::Time => "time".to_owned(),
        Scalar::Portion => "portion".to_owned(),
    }
}

fn parts(set: &'static [Part]) -> String {
    let mut table =
        format!("\n`{}`:\n\n| part | value | |\n|---|---|---|\n", super::form::example(set));
    for part in set {
        row(&mut table, &[&format!("`{}`", part.name.key()), &name(part.scalar), part.doc]);
    }
    table
}
