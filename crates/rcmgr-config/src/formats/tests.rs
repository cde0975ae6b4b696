use super::*;
use crate::document::Entry;
use crate::{Source, Span};

/// What is recognised in a map of these keys.
fn recognised(keys: &[&str]) -> Result<Format, Diagnostic> {
    let source = Arc::new(Source::new("limits", keys.join("\n")).expect("it is short"));
    let mut start = 0;
    let entries = keys.iter().map(|key| {
        let key_span = source.span(start..start + key.len());
        start += key.len() + 1;
        let value = Node { value: Value::Null, span: key_span };
        Entry { key: (*key).to_owned(), key_span, value }
    });
    let tree = Node { value: Value::Map(entries.collect()), span: Span::default() };
    Format::recognise(&source, &tree)
}

#[test]
fn formats_are_recognised_by_their_keys() {
    for (keys, format) in [
        (&["memory", "limits", "connection-manager"][..], Format::Native),
        (&["connection-manager"], Format::Native),
        (&[], Format::Native),
        (&["system"], Format::Native),
        (&["System"], Format::Libp2p),
        (&["Other", "ServicePeer", "Peer"], Format::Libp2p),
        (&["Identity", "Swarm", "Peering"], Format::Kubo),
        (&["config-file", "network-config"], Format::Flow),
        (&["libp2p-resource-manager", "connection-manager"], Format::Flow),
        (&["Env", "Rcmgr"], Format::Greenfield),
    ] {
        assert_eq!(recognised(keys).expect("it is one"), format, "{keys:?}");
    }
    let source = Arc::new(Source::new("limits", "[]").expect("it is short"));
    let list = Node { value: Value::List(Vec::new()), span: source.span(0..2) };
    assert_eq!(Format::recognise(&source, &list).expect("its reader complains"), Format::Native);
}

#[test]
fn a_mixture_is_an_error_that_says_how_to_go_on() {
    let error = recognised(&["Swarm", "x", "System"]).expect_err("it is a mixture");
    assert_eq!(
        error.message(),
        r#""Swarm" is a key of Kubo's format and "System" one of go-libp2p's"#
    );
    assert_eq!(error.help_text(), Some("say which it is: --from kubo or --from libp2p"));
    assert_eq!(error.position().expect("it has a place").to_string(), "3:1");
    assert!(recognised(&["limits", "network-config"]).is_err());
}

#[test]
fn names_read_back() {
    for format in Format::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    assert_eq!("Flow".parse::<Format>(), Err(InvalidFormat));
}
