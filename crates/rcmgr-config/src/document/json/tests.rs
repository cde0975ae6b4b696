use crate::document::Syntax;
use crate::document::tests;

#[test]
fn every_kind_of_value_is_read() {
    let text = r#"{"a": null, "b": true, "c": [0, -0, -1.5e3, 18446744073709551616], "d": {}, "é": "\"\u00e9\n"}"#;
    let read = r#"{a: null, b: true, c: [0, 0, -1.5e3, 18446744073709551616], d: {}, é: "\"é\n"}"#;
    assert_eq!(tests::values(Syntax::Json, text), read);
}

#[test]
fn each_key_and_value_knows_its_place() {
    let places =
        tests::places(Syntax::Json, "{\r\n  \"é\": \"ü\",\r\n  \"l\": [1,\r\n true]\r\n}\r\n");
    assert_eq!(
        places,
        [
            "1:1 {\r\n  \"é\": \"ü\",\r\n  \"l\": [1,\r\n true]\r\n}",
            "2:3 \"é\"",
            "2:8 \"ü\"",
            "3:3 \"l\"",
            "3:8 [1,\r\n true]",
            "3:9 1",
            "4:2 true",
        ]
    );
}

#[test]
fn broken_syntax_says_what_to_do() {
    for (text, message) in [
        ("{\"a\": 1,\n // x\n}", "2:2 JSON has no comments"),
        ("{\"a\": 1,\n}", "1:8 nothing follows this comma"),
        ("[1,\n]", "1:3 nothing follows this comma"),
        ("{\"a\": 1\n \"b\": 2}", "1:8 a comma is missing here"),
        ("{\"a\" 1}", "1:6 a colon is missing here"),
        ("{\"a\": }", "1:7 this } closes nothing"),
        ("{\"a\":", "1:6 this key has no value"),
        ("{a: 1}", "1:2 a key must stand in quotation marks"),
        ("{\"a\": b}", "1:7 this is no value of JSON"),
        ("{'a': 1}", "1:2 JSON has no single quotation marks"),
        ("{} {}", "1:4 something follows the end of the document"),
        ("{\"a\": 1", "1:1 this { is never closed"),
        ("[1, [2]", "1:1 this [ is never closed"),
        ("[}", "1:2 this } closes nothing"),
        ("{\"a\": ]", "1:7 this ] closes nothing"),
        ("{\"a\": 01}", "1:8 a number begins with a zero"),
        ("{\"a\": +1}", "1:7 this is not JSON: Unary plus on numbers is not allowed"),
        ("{\"a\": 0x1}", "1:7 this is not JSON: Hexadecimal numbers are not allowed"),
        ("{\"a\": NaN}", "1:7 this is no value of JSON"),
        ("{\"a\": \"x}", "1:7 this is not JSON: Unterminated string literal"),
        ("{\"a\": \"\\q\"}", "1:8 this is not JSON: Invalid escape"),
        ("{\"a\": \"x\ny\"}", "1:9 this character cannot stand here"),
        ("{\"a\":\u{b}1}", "1:6 this character cannot stand here"),
    ] {
        assert_eq!(tests::messages(Syntax::Json, text), [message], "{text}");
    }
}

#[test]
fn a_mistake_is_shown_with_its_line() {
    let shown = "\
error: a comma is missing here
 --> limits:2:10
  |
2 |   \"fd\": 1
  |          ^
  |
  = help: write , between two entries";
    assert_eq!(tests::wrong(Syntax::Json, "{\n  \"fd\": 1\n  \"memory\": 2\n}"), shown);
}
