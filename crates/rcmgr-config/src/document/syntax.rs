//! Which language a document is written in.

use core::fmt;

use crate::Source;

/// A language that documents are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Syntax {
    /// YAML 1.2.
    Yaml,
    /// TOML 1.1.
    Toml,
    /// JSON, without comments.
    Json,
}

impl Syntax {
    /// The syntax of a text: by the ending of its name (`.yaml`, `.yml`, `.toml`, `.json`), else by
    /// how it begins. JSON begins with `{` and a quotation mark; TOML with a header or a key and
    /// `=`; all else is YAML.
    pub fn of(source: &Source) -> Syntax {
        let ending = source.name().rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        match ending.as_deref() {
            Some("yaml" | "yml") => Syntax::Yaml,
            Some("toml") => Syntax::Toml,
            Some("json") => Syntax::Json,
            _ => Syntax::of_text(source.text()),
        }
    }

    fn of_text(text: &str) -> Syntax {
        let mut lines = text.lines().map(str::trim);
        match lines.find(|line| !line.is_empty() && !line.starts_with('#')) {
            Some(line) if line.starts_with('{') && is_json(text) => Syntax::Json,
            Some(line) if is_header(line) || is_assignment(line) => Syntax::Toml,
            _ => Syntax::Yaml,
        }
    }
}

/// Whether what begins with `{` goes on as JSON does: YAML has keys without quotation marks.
fn is_json(text: &str) -> bool {
    let after = text.split_once('{').map_or("", |(_, after)| after).trim_start();
    after.is_empty() || after.starts_with(['"', '}'])
}

/// Whether a line is `[x]`, perhaps with a comment.
fn is_header(line: &str) -> bool {
    let name = line.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    name.is_some_and(|(name, _)| !name.is_empty())
}

/// Whether a line begins with a key of TOML and `=`.
fn is_assignment(line: &str) -> bool {
    let of_key = |c: char| c.is_ascii_alphanumeric() || " \t-_.\"'".contains(c);
    line.split_once('=').is_some_and(|(key, _)| !key.is_empty() && key.chars().all(of_key))
}

impl fmt::Display for Syntax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Syntax::Yaml => "YAML",
            Syntax::Toml => "TOML",
            Syntax::Json => "JSON",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, text: &str) -> Syntax {
        Syntax::of(&Source::new(name, text).unwrap())
    }

    #[test]
    fn the_ending_of_the_name_comes_before_the_text() {
        for (name, syntax) in [
            ("limits.yaml", Syntax::Yaml),
            ("limits.YML", Syntax::Yaml),
            ("/etc/rcmgr.json.d/limits.toml", Syntax::Toml),
            ("limits.json", Syntax::Json),
            ("limits.conf", Syntax::Json),
            ("RCMGR_LIMITS", Syntax::Json),
        ] {
            assert_eq!(of(name, "{}"), syntax, "{name}");
        }
    }

    #[test]
    fn a_text_tells_its_syntax_by_how_it_begins() {
        for (text, syntax) in [
            ("\n  {\"System\": {}}", Syntax::Json),
            ("{}", Syntax::Json),
            ("{\n \"fd\": 1}", Syntax::Json),
            ("{fd: 1}", Syntax::Yaml),
            ("# a comment\n\n[Rcmgr] # another\n", Syntax::Toml),
            ("[[list]]", Syntax::Toml),
            ("fd=1", Syntax::Toml),
            ("system.\"fd\" = 1", Syntax::Toml),
            ("fd: 1", Syntax::Yaml),
            ("fd: a = b", Syntax::Yaml),
            ("---\nfd: 1", Syntax::Yaml),
            ("= 1", Syntax::Yaml),
            ("[", Syntax::Yaml),
            ("", Syntax::Yaml),
        ] {
            assert_eq!(of("limits", text), syntax, "{text:?}");
        }
    }
}
