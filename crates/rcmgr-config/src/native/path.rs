//! The paths by which values are named outside of files: `limits.protocols."/ping/1.0.0".streams`.

use crate::quoted;

/// A text that is no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} is no path: write keys with dots between them, and names that have dots or quotation marks \
     in quotation marks, such as limits.protocols.\"/ping/1.0.0\".streams",
    quoted(.0)
)]
pub struct InvalidPath(String);

/// The keys of a path. They stand between dots; one in double quotation marks is a text of JSON,
/// and one in single ones is as it stands, much as in TOML.
///
/// ```
/// use rcmgr_config::native;
///
/// let path = native::path(r#"limits.services."libp2p.ping".streams"#)?;
/// assert_eq!(path, ["limits", "services", "libp2p.ping", "streams"]);
/// # Ok::<(), native::InvalidPath>(())
/// ```
///
/// # Errors
/// A key is empty without quotation marks, or the quotation marks are not where keys begin and end.
pub fn path(text: &str) -> Result<Vec<String>, InvalidPath> {
    let mut keys = Vec::new();
    let mut rest = text;
    loop {
        let (key, after) = key(rest).ok_or_else(|| InvalidPath(text.to_owned()))?;
        keys.push(key);
        if after.is_empty() {
            return Ok(keys);
        }
        rest = after.strip_prefix('.').ok_or_else(|| InvalidPath(text.to_owned()))?;
    }
}

/// The first key of a path, and what follows it.
fn key(text: &str) -> Option<(String, &str)> {
    if text.starts_with('"') {
        let mut texts = serde_json::Deserializer::from_str(text).into_iter::<String>();
        let key = texts.next()?.ok()?;
        return Some((key, &text[texts.byte_offset()..]));
    }
    if let Some(quoted) = text.strip_prefix('\'') {
        return quoted.split_once('\'').map(|(key, after)| (key.to_owned(), after));
    }
    let end = text.find('.').unwrap_or(text.len());
    let (key, after) = text.split_at(end);
    let bare = !key.is_empty() && !key.contains(|c: char| c.is_whitespace() || "\"'=".contains(c));
    bare.then(|| (key.to_owned(), after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_stand_between_dots() {
        for (text, keys) in [
            ("memory", ["memory"].as_slice()),
            ("limits.peer.streams", &["limits", "peer", "streams"]),
            (r#"a."b.c\"\u0041".d"#, &["a", "b.c\"A", "d"]),
            (r"a.'b.c\'.d", &["a", r"b.c\", "d"]),
            (r#"a."""#, &["a", ""]),
            ("connections-by-address.ipv4.32", &["connections-by-address", "ipv4", "32"]),
        ] {
            assert_eq!(
                path(text).as_deref(),
                Ok(keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>().as_slice()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_path_is_an_error() {
        for text in
            ["", ".", "a.", ".a", "a..b", "a b", "a=1", "\"a", "'a", "\"a\"b", "a\"b\"", "\"\\x\""]
        {
            assert_eq!(path(text), Err(InvalidPath(text.to_owned())), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_key_can_be_quoted(keys in prop::collection::vec(".*", 1..4)) {
            let quoted: Vec<_> = keys.iter().map(|key| serde_json::json!(key).to_string()).collect();
            prop_assert_eq!(path(&quoted.join(".")), Ok(keys));
        }

        #[test]
        fn any_text_is_a_path_or_an_error(text in "\\PC{0,24}|[a.\"'\\\\]{0,12}") {
            let _ = path(&text);
        }
    }
}
