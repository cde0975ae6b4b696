//! What is written, as YAML.

use super::written::Written;

/// YAML in blocks.
///
/// A text that a reader of YAML could take for something else, or with characters that it may
/// refuse, is quoted and escaped. The emitters that there are as libraries leave characters
/// unescaped that the standard does not allow in a file, and a name may hold any.
pub fn text(written: &Written) -> String {
    let mut out = String::new();
    below(written, 0, &mut out);
    out
}

/// Writes what stands below a key or a dash that is already written, with the end of the line.
fn below(written: &Written, indent: usize, out: &mut String) {
    match written {
        Written::Map(entries) if entries.is_empty() => line(out, "{}"),
        Written::List(values) if values.is_empty() => line(out, "[]"),
        Written::Map(entries) => {
            next(indent, out);
            for (key, value) in entries {
                indented(indent, out);
                push_key(key, indent, out);
                out.push(':');
                below(value, indent + 2, out);
            }
        }
        Written::List(values) => {
            next(indent, out);
            for value in values {
                indented(indent, out);
                out.push('-');
                below(value, indent + 2, out);
            }
        }
        Written::Text(text) => {
            space(out);
            push_text(text, out);
            out.push('\n');
        }
        number => line(out, &number.json()),
    }
}

/// Ends the line of the key, but at the beginning of the file there is none.
fn next(indent: usize, out: &mut String) {
    if indent > 0 {
        out.push('\n');
    }
}

fn indented(indent: usize, out: &mut String) {
    out.extend(core::iter::repeat_n(' ', indent));
}

fn line(out: &mut String, text: &str) {
    space(out);
    out.push_str(text);
    out.push('\n');
}

fn space(out: &mut String) {
    if !out.is_empty() {
        out.push(' ');
    }
}

/// The longest key, in bytes, that may stand before its colon without more ado: YAML bounds it to
/// 1024 characters, of which an escape takes up to ten.
const LONGEST_KEY: usize = 100;

fn push_key(key: &str, indent: usize, out: &mut String) {
    if is_length(key) {
        out.push_str(key);
    } else if key.len() <= LONGEST_KEY {
        push_text(key, out);
    } else {
        out.push_str("? ");
        push_text(key, out);
        out.push('\n');
        indented(indent, out);
    }
}

fn push_text(text: &str, out: &mut String) {
    if is_plain(text) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            ' '..='~' => out.push(character),
            character if character.is_alphanumeric() => out.push(character),
            character => out.push_str(&format!("\\U{:08X}", u32::from(character))),
        }
    }
    out.push('"');
}

/// Whether a key is a prefix length, which people write without quotation marks.
fn is_length(key: &str) -> bool {
    key.parse::<u8>().is_ok_and(|length| length.to_string() == key)
}

/// Whether every reader of YAML takes a text for itself.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 12] =
        ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf", "infinity"];
    const UNITS: [&str; 12] =
        ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ns", "us", "ms", "s", "m", "h"];
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '-' | '_');
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match text.chars().next() {
        _ if !text.chars().all(safe) => false,
        Some('a'..='z' | 'A'..='Z' | '/') => {
            !WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
        }
        Some('0'..='9') => {
            let network = text.split_once('/').is_some_and(|(address, _)| number(address));
            network || UNITS.iter().any(|unit| text.strip_suffix(unit).is_some_and(number))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_a_text_to_everybody_is_plain() {
        for plain in ["unlimited", "64MiB", "1.125GiB", "90s", "10.0.0.0/8", "/a/1.0.0", "a_b-c"] {
            assert!(is_plain(plain), "{plain}");
        }
        for quoted in [
            "",
            " ",
            "No",
            "NULL",
            "~",
            "64",
            "1_000",
            "0x1f",
            "1e3",
            ".5",
            "-",
            "-a",
            "a: b",
            "a b",
            "#",
            "2020-01-01",
            "12:30",
            "::1/128",
            "é",
            "a\n",
            "=",
            "<<",
            "...",
            "1e3s",
            "---",
            "*a",
            "\u{85}",
            "a,b",
            "[a]",
        ] {
            assert!(!is_plain(quoted), "{quoted}");
        }
    }

    #[test]
    fn a_long_key_is_announced() {
        let long = "k".repeat(LONGEST_KEY + 1);
        let of = |key: &str, value| Written::Map(vec![(key.to_owned(), value)]);
        let map = of("a", of(&long, of(&long[1..], Written::Whole(1))));
        let yaml = format!("a:\n  ? {long}\n  :\n    {}: 1\n", &long[1..]);
        assert_eq!(text(&map), yaml);
        let map = of(&long, Written::Text("b".to_owned()));
        assert_eq!(text(&map), format!("? {long}\n: b\n"));
    }

    #[test]
    fn blocks_are_indented() {
        let texts = |texts: [&str; 2]| Written::List(texts.map(|t| Written::Text(t.into())).into());
        let entry = |key: &str, value| (key.to_owned(), value);
        let inner = vec![entry("32", Written::Whole(8)), entry("x\u{7f}\"", Written::Real(0.5))];
        let map = Written::Map(vec![
            entry("a", Written::Map(inner)),
            entry("no", texts(["b", "1"])),
            entry("c", Written::Map(vec![])),
            entry("d", Written::Whole(u64::MAX)),
        ]);
        let yaml = r#"a:
  32: 8
  "x\U0000007F\"": 0.5
"no":
  - b
  - "1"
c: {}
d: "18446744073709551615"
"#;
        assert_eq!(text(&map), yaml);
        assert_eq!(text(&Written::Map(vec![])), "{}\n");
    }
}
