use proptest::prelude::*;

use super::*;

/// What is read from a text, with what is wrong with it.
pub(super) fn read(syntax: Syntax, text: &str) -> (Arc<Source>, Option<Node>, Diagnostics) {
    let source = Arc::new(Source::new("limits", text).unwrap());
    let mut diagnostics = Diagnostics::default();
    let root = parse(syntax, &source, &mut diagnostics);
    assert!(root.is_some() || diagnostics.has_errors(), "{text:?}");
    (source, root, diagnostics)
}

/// A right text as one line of values: `{a: 1, b: ["x", null]}`.
pub(super) fn values(syntax: Syntax, text: &str) -> String {
    let (_, root, diagnostics) = read(syntax, text);
    assert!(diagnostics.is_empty(), "{diagnostics}");
    shown(&root.unwrap())
}

fn shown(node: &Node) -> String {
    let list = |parts: Vec<String>| parts.join(", ");
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Bool(bool) => bool.to_string(),
        Value::Number(number) => number.clone(),
        Value::Text(text) => format!("{text:?}"),
        Value::List(items) => format!("[{}]", list(items.iter().map(shown).collect())),
        Value::Map(entries) => {
            let entry = |entry: &Entry| format!("{}: {}", entry.key, shown(&entry.value));
            format!("{{{}}}", list(entries.iter().map(entry).collect()))
        }
    }
}

/// What stands where keys and values of a right text are said to stand, in order, with the
/// position of each: `2:3 fd`.
pub(super) fn places(syntax: Syntax, text: &str) -> Vec<String> {
    let (source, root, diagnostics) = read(syntax, text);
    assert!(diagnostics.is_empty(), "{diagnostics}");
    let mut spans = Vec::new();
    collect(&root.unwrap(), &mut spans);
    let place =
        |span: &Span| format!("{} {}", source.position(*span), &source.text()[span.range()]);
    spans.iter().map(place).collect()
}

fn collect(node: &Node, spans: &mut Vec<Span>) {
    spans.push(node.span);
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| collect(item, spans)),
        Value::Map(entries) => entries.iter().for_each(|entry| {
            spans.push(entry.key_span);
            collect(&entry.value, spans);
        }),
        _ => {}
    }
}

/// What is wrong with a text, as it is shown.
pub(super) fn wrong(syntax: Syntax, text: &str) -> String {
    read(syntax, text).2.to_string()
}

/// The messages of what is wrong with a text, with their positions.
pub(super) fn messages(syntax: Syntax, text: &str) -> Vec<String> {
    let (_, _, diagnostics) = read(syntax, text);
    let message = |d: &Diagnostic| format!("{} {}", d.position().unwrap(), d.message());
    diagnostics.errors().iter().map(message).collect()
}

const SYNTAXES: [Syntax; 3] = [Syntax::Yaml, Syntax::Toml, Syntax::Json];

#[test]
fn an_empty_text_is_an_error_that_says_what_to_write() {
    for (syntax, texts, help) in [
        (
            Syntax::Yaml,
            ["", " \n\n", "# fd: 1\n", "---\n"],
            "write a key and its value, as in key: value, or {} to set nothing",
        ),
        (
            Syntax::Toml,
            ["", " \n\n", "# fd = 1\n", "\t"],
            "write a key and its value, as in key = value",
        ),
        (Syntax::Json, ["", " \n\n", "\r\n", "\t"], "write {} to set nothing"),
    ] {
        for text in texts {
            let (_, root, diagnostics) = read(syntax, text);
            assert!(root.is_none());
            let [error] = diagnostics.errors() else { panic!("{diagnostics}") };
            assert_eq!(error.message(), "nothing is written here", "{syntax} {text:?}");
            assert_eq!(error.help_text(), Some(help));
        }
    }
}

#[test]
fn a_tree_without_the_repeated_keys_is_read_on() {
    for (syntax, text) in [
        (Syntax::Yaml, "a: 1\nb: 2\na: 3\na: 4"),
        (Syntax::Toml, "a = 1\nb = 2\na = 3\na = 4"),
        (Syntax::Json, "{\"a\": 1,\n\"b\": 2,\n\"a\": 3,\n\"a\": 4}"),
    ] {
        let (_, root, diagnostics) = read(syntax, text);
        assert_eq!(shown(&root.unwrap()), "{a: 1, b: 2}");
        let lines: Vec<_> =
            diagnostics.errors().iter().map(|e| e.position().unwrap().line).collect();
        assert_eq!(lines, [3, 4], "{syntax}");
    }
}

/// Texts of so many repetitions, of which some lists and maps never end.
fn repeated(times: usize) -> impl Iterator<Item = (Syntax, String)> {
    let opening =
        ["[", "{\"a\":", "{a: ", "{a=", "a = [", "a.", "[a.", "- ", "? ", "&a ", "a: \n "];
    let other =
        ["[]", "1,", "\"", "'", "\"\\q", "\u{1}", "\r", "#", "-", "a", "%", "!", "*a ", "é"];
    let units = opening.into_iter().chain(other);
    let texts = units.flat_map(move |unit| {
        ["", "a = ", "a = \"\"\"", "[", "{\"a\": [", "a: |\n "]
            .map(|start| start.to_owned() + &unit.repeat(times))
    });
    texts.flat_map(|text| SYNTAXES.map(|syntax| (syntax, text.clone())))
}

#[test]
fn texts_of_one_thing_are_read_without_a_panic() {
    for times in [1, 63, 64, 65, 2000] {
        for (syntax, text) in repeated(times) {
            let shown = read(syntax, &text).2.to_string();
            assert!(shown.len() < 100_000, "{syntax} {}", &text[..20]);
        }
    }
}

#[test]
fn the_longest_texts_of_brackets_overflow_no_stack() {
    let (list, map) = ("[".repeat(Source::MAX_LEN), "{\"a\":".repeat(Source::MAX_LEN / 5));
    let too_deep = "more than 64 lists and maps stand inside each other here";
    for syntax in [Syntax::Yaml, Syntax::Json] {
        assert_eq!(messages(syntax, &list), [format!("1:65 {too_deep}")]);
        assert_eq!(messages(syntax, &map)[0].split_once(' ').unwrap().1, too_deep);
    }
    let list = format!("a = {}", "[".repeat(1 << 20));
    assert_eq!(messages(Syntax::Toml, &list), [format!("1:69 {too_deep}")]);
}

fn nested(syntax: Syntax, depth: usize) -> String {
    let lists = depth - 1;
    let (open, close) = ("[".repeat(lists), "]".repeat(lists));
    match syntax {
        Syntax::Toml => format!("a = {open}{close}"),
        _ => format!("{{\"a\": {open}{close}}}"),
    }
}

#[test]
fn the_bound_of_depth_is_the_same_in_each_syntax() {
    for syntax in SYNTAXES {
        assert!(read(syntax, &nested(syntax, MAX_DEPTH)).1.is_some(), "{syntax}");
        let messages = messages(syntax, &nested(syntax, MAX_DEPTH + 1));
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert!(messages[0].ends_with("stand inside each other here"), "{messages:?}");
    }
}

#[test]
fn the_bound_of_size_is_the_same_in_each_syntax() {
    let items = MAX_SIZE / 2;
    for (syntax, text) in [
        (Syntax::Yaml, format!("a: [{}]", "1,".repeat(2 * items))),
        (Syntax::Toml, format!("a = [{}]", "1,".repeat(2 * items))),
        (Syntax::Json, format!("{{\"a\": [1{}]}}", ",1".repeat(2 * items))),
    ] {
        let messages = messages(syntax, &text);
        assert!(messages[0].contains("more than 1048576 keys and values"), "{messages:?}");
        let text = text.replacen("1,", "", items).replacen(",1", "", items);
        assert!(read(syntax, &text).1.is_some(), "{syntax}");
    }
}

/// A text of the pieces that documents are made of.
fn document() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-c]{1,2}|[0-9]{1,2}|[ \n]{1,3}",
        6 => prop::sample::select(vec![
            ": ", ":\n", "- ", "? ", "{", "}", "[", "]", ",", "\"", "'", "#", "=", ".", "\\", "\\u00e9",
            "&a ", "*a", "<<", "!!str ", "!!int ", "!x ", "|\n", ">\n", "---\n", "...\n", "%YAML 1.2\n",
            "\r\n", "\r", "\t", "é", "\u{1}", "\u{85}", "\u{feff}", "\"\"\"", "'''", "[[", "]]", "a = ",
            "\"a\": ", "\"\\ud800", "\\udc00\"", "\\x41", "\"\t\"", "\"b\"", "\u{b}", "+1", "0x1", "01", "true", "null", "~", "0x1f", "1_0", "-1.5e3", ".inf", "nan", "1979-05-27", "@", "`",
            "//", "/*", "\n  ", "\na: ", "\na = ", "\n[a]\n", "\n[[a]]\n", "\na.b = ",
        ]).prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// A text that is nearly JSON.
fn json() -> impl Strategy<Value = String> {
    let value = prop::sample::select(vec![
        "1",
        "-0",
        "1.5e+3",
        "01",
        "1.",
        "-",
        "\"x\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"\\/\\b\"",
        "\"\\v\"",
        "\"\t\"",
        "true",
        "nul",
        "{}",
        "[]",
        "\u{a0}1",
        "2\u{c}",
        "",
    ]);
    let value = value.prop_map(str::to_owned);
    value.prop_recursive(4, 16, 4, |value| {
        let list = prop::collection::vec(value.clone(), 0..4);
        prop_oneof![
            list.prop_map(|items| format!("[{}]", items.join(", "))),
            (value.clone(), value).prop_map(|(a, b)| format!("{{\"a\": {a},\n\"b\":{b}}}")),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_a_tree_or_an_error(text in prop_oneof![document(), "\\PC{0,60}"]) {
        for syntax in SYNTAXES {
            let (source, root, diagnostics) = read(syntax, &text);
            let mut spans = Vec::new();
            if let Some(root) = &root {
                collect(root, &mut spans);
            }
            spans.extend(diagnostics.errors().iter().filter_map(|e| e.place()).map(|place| place.1));
            for span in spans {
                prop_assert!(source.text().get(span.range()).is_some());
            }
            prop_assert!(diagnostics.is_empty() || !diagnostics.to_string().is_empty());
        }
    }

    #[test]
    fn json_is_what_serde_takes_for_json(text in prop_oneof![document(), json()]) {
        let (source, root, diagnostics) = read(Syntax::Json, &text);
        let json = serde_json::from_str::<serde_json::Value>(source.text());
        let is_too_great = |e: &serde_json::Error| e.to_string().starts_with("number out of range");
        prop_assume!(!json.as_ref().is_err_and(is_too_great));
        prop_assert_eq!(root.is_some(), json.is_ok(), "{}", diagnostics);
    }

    #[test]
    fn toml_is_what_its_parser_takes_for_toml(text in document()) {
        let (source, _, diagnostics) = read(Syntax::Toml, &text);
        let toml = ::toml::de::DeTable::parse(source.text());
        let is_empty = toml.as_ref().is_ok_and(|table| table.get_ref().is_empty());
        prop_assert_eq!(diagnostics.is_empty(), toml.is_ok() && !is_empty, "{}", diagnostics);
    }
}
