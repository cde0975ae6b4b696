use crate::document::Syntax;
use crate::document::tests;

fn values(text: &str) -> String {
    tests::values(Syntax::Toml, text)
}

fn messages(text: &str) -> Vec<String> {
    tests::messages(Syntax::Toml, text)
}

#[test]
fn every_kind_of_value_is_read() {
    for (text, value) in [
        ("1_000", "1000"),
        ("+5", "5"),
        ("-0", "0"),
        ("0xff", "255"),
        ("0o17", "15"),
        ("0b1_01", "5"),
        (
            "123456789012345678901234567890123456789012",
            "123456789012345678901234567890123456789012",
        ),
        ("1_0.5", "10.5"),
        ("+1e3", "1e3"),
        ("nan", "NaN"),
        ("-nan", "NaN"),
        ("+inf", "inf"),
        ("-inf", "-inf"),
        ("true", "true"),
        ("'x'", "\"x\""),
        ("\"\"\"\nx\"\"\"", "\"x\""),
        ("1979-05-27T07:32:00Z", "\"1979-05-27T07:32:00Z\""),
        ("[1, [], {b.c = 2}]", "[1, [], {b: {c: 2}}]"),
    ] {
        assert_eq!(values(&format!("a = {text}")), format!("{{a: {value}}}"), "{text}");
    }
}

#[test]
fn tables_are_read_in_order_of_place() {
    let text = "z = 1\nb.y = 2\na = 3\nb.x = 4\n[c.d]\ne = 5\n[[l]]\n[[l]]\nf = 6\n[c]\ng = 7\n";
    let read = "{z: 1, b: {y: 2, x: 4}, a: 3, l: [{}, {f: 6}], c: {d: {e: 5}, g: 7}}";
    assert_eq!(values(text), read);
}

#[test]
fn each_key_and_value_knows_its_place() {
    let text = "# é\r\n\"é\" = 'ü'\r\n[a . b]\r\nl = [\r\n  1, # x\r\n]\r\n";
    assert_eq!(
        tests::places(Syntax::Toml, text),
        [
            format!("1:1 {text}").as_str(),
            "2:1 \"é\"",
            "2:7 'ü'",
            "3:2 a",
            "3:2 a",
            "3:6 b",
            "3:1 [a . b]",
            "4:1 l",
            "4:5 [\r\n  1, # x\r\n]",
            "5:3 1",
        ]
    );
}

#[test]
fn all_errors_are_found_at_once() {
    let text = "a = \nb = 1\nb = 2\nc = x\n[d\ne = 01\n";
    let shown = tests::wrong(Syntax::Toml, text);
    let lines = shown.lines().filter(|line| line.starts_with("error"));
    assert_eq!(
        lines.collect::<Vec<_>>(),
        [
            "error: this key has no value",
            "error: the key \"b\" stands twice",
            "error: a text must stand in quotation marks",
            "error: the header is not closed here",
        ]
    );
}

#[test]
fn broken_syntax_says_what_to_do() {
    for (text, message) in [
        ("a = \n", "1:5 this key has no value"),
        ("a\n", "1:2 this key has no value"),
        ("a = 64MiB\n", "1:5 a text must stand in quotation marks"),
        ("a = [1\n", "1:7 the array is not closed here"),
        ("[a\n", "1:3 the header is not closed here"),
        ("a = 01\n", "1:5 a number has no leading zeros"),
        ("a = 1.\n", "1:7 this is not TOML: invalid fraction, expected digits"),
        ("a = \"x\n", "1:7 this is not TOML: invalid basic string, expected `\"`"),
        ("a = 1\na.b = 2\n", {
            "2:1 this is not TOML: cannot extend value of type integer with a dotted key"
        }),
        ("a = 1\r", {
            "1:7 this is not TOML: carriage return must be followed by newline, expected newline"
        }),
        ("a = 0x1ffffffffffffffffffffffffffffffff", "1:5 this number has more than 128 bits"),
    ] {
        assert_eq!(messages(text), [message], "{text}");
    }
}

#[test]
fn repeated_keys_are_shown_with_the_first() {
    for (text, again, first) in [
        ("a = 1\nb = 2\na = 3\n", "3:1", "1:1"),
        ("[t]\na = 1\n[u]\na = 2\n\"a\" = 3\n", "5:1", "4:1"),
        ("[t]\n[u]\n[t]\n", "3:2", "1:2"),
        ("[t.u]\n[t]\n[t]\n", "3:2", "2:2"),
        ("[[l]]\na = 1\n[[l]]\na = 1\na = 2\n", "5:1", "4:1"),
        ("[[l]]\n[l.t]\na = 1\n[[l]]\n[l.t]\na = 2\na = 3\n", "7:1", "6:1"),
        ("l = [{a = 1}, {b = 1, a = 2, a = 3}]\n", "1:30", "1:23"),
        ("t = {a.b = 1, a.c = 2, a.b = 3}\n", "1:26", "1:8"),
        ("t = {u = {a = 1}, v = {a = 1, a = 2}}\n", "1:31", "1:24"),
        ("t.a = 1\n[u]\nt.a = 1\nt.a = 2\n", "4:3", "3:3"),
        ("a = 1\n[a]\n", "2:2", "1:1"),
    ] {
        let shown = tests::wrong(Syntax::Toml, text);
        let places: Vec<_> = shown.lines().filter_map(|line| line.split_once(" limits:")).collect();
        let places: Vec<_> = places.into_iter().map(|(_, place)| place).collect();
        assert_eq!(places, [again, first], "{text}{shown}");
    }
}

#[test]
fn errors_without_end_are_counted() {
    let text = format!("a = \"{}\"\n", "\\q".repeat(1_000_000));
    let messages = messages(&text);
    assert_eq!(messages.len(), 101);
    assert_eq!(messages[100], "1:1 999900 more errors are not shown");
}
