use crate::document::Syntax;
use crate::document::tests;

fn values(text: &str) -> String {
    tests::values(Syntax::Yaml, text)
}

fn wrong(text: &str) -> String {
    tests::wrong(Syntax::Yaml, text)
}

fn messages(text: &str) -> Vec<String> {
    tests::messages(Syntax::Yaml, text)
}

#[test]
fn a_plain_scalar_is_what_the_core_schema_takes_it_for() {
    for (text, value) in [
        ("", "null"),
        ("~", "null"),
        ("Null", "null"),
        ("true", "true"),
        ("FALSE", "false"),
        ("yes", "\"yes\""),
        ("off", "\"off\""),
        ("1_000_000", "1000000"),
        ("-3", "-3"),
        ("+5", "5"),
        ("0777", "777"),
        ("0o17", "15"),
        ("0xFF", "255"),
        ("0b1", "\"0b1\""),
        ("0x", "\"0x\""),
        ("-0x1", "\"-0x1\""),
        ("1__0", "\"1__0\""),
        ("_1", "\"_1\""),
        ("0.5", "0.5"),
        ("1e3", "1e3"),
        ("+1.5", "1.5"),
        (".inf", "inf"),
        ("-.INF", "-inf"),
        (".NaN", "NaN"),
        ("nan", "\"nan\""),
        ("64MiB", "\"64MiB\""),
        ("10s", "\"10s\""),
        ("'1'", "\"1\""),
        ("\"true\"", "\"true\""),
        ("|\n 1\n", "\"1\\n\""),
        ("!!str 1", "\"1\""),
        ("!!str", "\"\""),
        ("!!int 0x10", "16"),
        ("!!float 1", "1"),
        ("!!bool true", "true"),
        ("!!seq [1]", "[1]"),
        ("!!map {a: 1}", "{a: 1}"),
    ] {
        assert_eq!(values(&format!("a: {text}")), format!("{{a: {value}}}"), "{text}");
    }
}

#[test]
fn keys_are_texts() {
    let text = "32: a\n0x10: b\ntrue: c\n'q': d\n\"\\u00e9\": e\n? f\n: g\n'<<': h\n";
    let read = r#"{32: "a", 0x10: "b", true: "c", q: "d", é: "e", f: "g", <<: "h"}"#;
    assert_eq!(values(text), read);
}

#[test]
fn each_key_and_value_knows_its_place() {
    let text = "# é\r\nsystem:\r\n  fd: 1_0  # x\r\n  é: 'ü'\r\n  t: |\r\n    a\r\n    b\r\n\r\nl:\r\n- x\r\n- [1, {}]\r\n";
    let places = tests::places(Syntax::Yaml, text);
    assert_eq!(
        places,
        [
            "2:1 system:\r\n  fd: 1_0  # x\r\n  é: 'ü'\r\n  t: |\r\n    a\r\n    b\r\n\r\nl:\r\n- x\r\n- [1, {}]",
            "2:1 system",
            "3:3 fd: 1_0  # x\r\n  é: 'ü'\r\n  t: |\r\n    a\r\n    b",
            "3:3 fd",
            "3:7 1_0",
            "4:3 é",
            "4:6 'ü'",
            "5:3 t",
            "6:5 a\r\n    b",
            "9:1 l",
            "10:3 x\r\n- [1, {}]",
            "10:3 x",
            "11:3 [1, {}]",
            "11:4 1",
            "11:7 {}",
        ]
    );
    assert_eq!(tests::places(Syntax::Yaml, "a:\nb: 1\n")[1..3], ["1:1 a", "1:1 a"]);
}

#[test]
fn an_alias_stands_for_its_anchor() {
    let text = "a: &x {fd: 1}\nb: *x\n&k key: *k\nl: [&i 7, *i]\n";
    assert_eq!(values(text), r#"{a: {fd: 1}, b: {fd: 1}, key: "key", l: [7, 7]}"#);
    let places = tests::places(Syntax::Yaml, "a: &x {fd: 1}\nb: *x\n");
    assert_eq!(places[6..], ["2:4 *x", "1:8 fd", "1:12 1"]);
}

#[test]
fn aliases_of_aliases_do_not_multiply_without_bound() {
    let mut laughs = "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for (anchor, alias) in ('b'..='i').zip('a'..) {
        let aliases = vec![format!("*{alias}"); 9].join(", ");
        laughs.push_str(&format!("{anchor}: &{anchor} [{aliases}]\n"));
    }
    let messages = messages(&laughs);
    assert_eq!(
        messages,
        [
            "6:7 there are more than 1048576 keys and values up to here, with each alias counted as what it stands for"
        ]
    );
}

#[test]
fn aliases_of_long_texts_do_not_multiply_without_bound() {
    let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), "*a, ".repeat(1 << 16));
    let messages = messages(&text);
    assert_eq!(
        messages,
        [
            "2:253 there are more than 1048576 keys and values up to here, with each alias counted as what it stands for"
        ]
    );
}

#[test]
fn aliases_do_not_deepen_without_bound() {
    let mut text = "a0: &a0 []\n".to_owned();
    for level in 1..70 {
        text.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    let messages = messages(&text);
    assert_eq!(messages, ["64:12 more than 64 lists and maps stand inside each other here"]);
}

#[test]
fn what_yaml_allows_and_we_do_not_says_why() {
    for (text, message) in [
        ("a: &a {b: 1}\nc:\n  <<: *a\n", "3:3 merge keys are not supported"),
        ("a: &a [*a]\n", "1:8 this alias stands within what it stands for"),
        ("a: 1\n---\nb: 1\n", "2:1 a second document begins here"),
        ("[1]: 2\n", "1:1 a list, a map or an alias cannot be a key"),
        ("a: &a 1\n*a : 2\n", "2:1 a list, a map or an alias cannot be a key"),
        (": 2\n", "1:1 this value has no key"),
        ("a: !size 64\n", "1:4 this tag means nothing for a single value"),
        ("a: ! 64\n", "1:4 this tag means nothing for a single value"),
        ("a: !!int x\n", "1:4 the value is not of the kind that its tag says"),
        ("a: !!int 1.5\n", "1:4 the value is not of the kind that its tag says"),
        ("a: !!set {b}\n", "1:4 this tag means nothing for a map"),
        ("a: !!map [b]\n", "1:4 this tag means nothing for a list"),
        ("a: 0x1ffffffffffffffffffffffffffffffff\n", "1:4 this number has more than 128 bits"),
    ] {
        assert_eq!(messages(text), [message], "{text}");
        assert!(tests::read(Syntax::Yaml, text).1.is_none());
    }
}

#[test]
fn broken_syntax_says_what_to_do() {
    for (text, message) in [
        ("a:\n\tb: 1\n", "2:1 a tab stands where YAML allows none"),
        ("a:\n  b: 1\n\tc: 2\n", "3:1 a tab stands where YAML allows none"),
        ("a: 1\n  b: 2\n", "2:4 no key and value can stand here"),
        ("a:\n    b: 1\n  c: 2\n", "3:3 a key with a colon and its value should stand here"),
        ("a: b: c\n", "1:5 no key and value can stand here"),
        ("a\nb: 1\n", "2:2 no key and value can stand here"),
        ("a: [1, 2\nb: 1\n", "2:2 no key and value can stand here"),
        ("a: {b: 1\n", "1:4 the map in braces is not closed here"),
        ("a: [b\n", "1:4 the list in brackets is not closed here"),
        ("a: \"x\n", "2:1 the text in quotation marks does not end before this line"),
        ("a: *x\n", "1:4 no anchor of this name stands above"),
        ("a: @x\n", "1:4 nothing can begin with this character"),
        ("a: \"\\q\"\n", "1:4 this backslash means nothing"),
        ("a: ]\n", "1:4 this is not YAML: misplaced bracket"),
        ("- 1\nb: 2\n", "2:1 this does not belong to the list above"),
        ("a: 1\nb\n", "2:1 a key with a colon and its value should stand here"),
    ] {
        assert_eq!(messages(text), [message], "{text}");
    }
    let shown = "\
error: a key with a colon and its value should stand here
 --> limits:3:3
  |
3 |   c: 2
  |   ^
  |
  = help: write key: value, and indent all keys of one map by the same number of spaces";
    assert_eq!(wrong("a:\n    b: 1\n  c: 2\n"), shown);
}

#[test]
fn a_repeated_key_is_shown_with_the_first() {
    let shown = "\
error: the key \"fd\" stands twice
 --> limits:4:3
  |
4 |   \"fd\": 2
  |   ^^^^
 ::: limits:2:3
  |
2 |   fd: 1
  |   -- here first
  |
  = help: leave one of them out, or put what belongs to both under one";
    assert_eq!(wrong("system:\n  fd: 1\n  memory: 1\n  \"fd\": 2\n"), shown);
}
