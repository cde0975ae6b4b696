use std::sync::Arc;

use proptest::prelude::*;

use super::*;

fn source(text: &str) -> Arc<Source> {
    Arc::new(Source::new("limits.yaml", text).unwrap())
}

/// The span of the first place where `part` stands.
fn find(source: &Source, part: &str) -> Span {
    let start = source.text().find(part).unwrap();
    source.span(start..start + part.len())
}

#[test]
fn related_places_are_shown_with_their_own_lines() {
    let source = source("fd: 1\n\n\n\n\n\n\n\n\nmemory: 2\nfd: 3 # é\n");
    let again = source.text().find("fd: 3").unwrap();
    let warning = Diagnostic::warning(&source, source.span(again..again + 2), "fd stands twice")
        .related(find(&source, "fd"), "here first")
        .help("remove one of them");
    let shown = "\
warning: fd stands twice
  --> limits.yaml:11:1
   |
11 | fd: 3 # é
   | ^^
  ::: limits.yaml:1:1
   |
 1 | fd: 1
   | -- here first
   |
   = help: remove one of them";
    assert_eq!(warning.to_string(), shown);
}

#[test]
fn a_long_line_is_cut_around_the_place() {
    let source = source(&format!("[{}\"here\"{}]", "1,".repeat(100_000), ",\"é\"".repeat(100_000)));
    let error = Diagnostic::error(&source, find(&source, "\"here\""), "not a number");
    let shown = r#"error: not a number
 --> limits.yaml:1:200002
  |
1 | …1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"here","é","é","é","é","é","é","é","é","é","é","é","é"…
  |                                                              ^^^^^^"#;
    assert_eq!(error.to_string(), shown);
    let all = Diagnostic::error(&source, source.span(0..usize::MAX), "not a map").to_string();
    assert_eq!(all.lines().map(|line| line.chars().count()).max(), Some(125));
}

#[test]
fn of_a_span_over_many_lines_the_first_is_shown() {
    let source = source("system:\r\n  fd: 1\r\n  memory: 2\r\n");
    let error = Diagnostic::error(&source, source.span(11..27), "not a number");
    let shown = "\
error: not a number
 --> limits.yaml:2:3
  |
2 |   fd: 1
  |   ^^^^^";
    assert_eq!(error.to_string(), shown);
}

#[test]
fn marks_stand_under_wide_characters_and_tabs() {
    let source = source("\t名前: 値 # é");
    let error = Diagnostic::error(&source, find(&source, "値"), "not a number");
    let shown = "\
error: not a number
 --> limits.yaml:1:6
  |
1 |     名前: 値 # é
  |           ^^";
    assert_eq!(error.to_string(), shown);
}

#[test]
fn what_has_no_place_or_stands_in_an_empty_line_is_shown_without_a_line() {
    let unplaced = Diagnostic::unplaced(Severity::Warning, "two flags contradict each other");
    assert_eq!(unplaced.to_string(), "warning: two flags contradict each other");
    let helped = unplaced.help("leave one out").to_string();
    assert_eq!(helped, "warning: two flags contradict each other\n = help: leave one out");

    let error = Diagnostic::error(&source(""), Span::default(), "it is empty");
    assert_eq!(error.to_string(), "error: it is empty\n --> limits.yaml:1:1");
}

#[test]
fn nothing_that_a_terminal_acts_on_is_shown() {
    let text = "k: \"\u{1b}]0;x\u{7}\u{9b}31m\u{202e}\ty\"";
    let source = Arc::new(Source::new("a\u{1b}[2J", text).unwrap());
    let error = Diagnostic::error(&source, find(&source, "y"), "no \u{1b}c").help("\u{8}");
    let shown = r#"error: no \u{1b}c
 --> a\u{1b}[2J:1:17
  |
1 | k: "\u{1b}]0;x\u{7}\u{9b}31m\u{202e}    y"
  |                                         ^
  |
  = help: \u{8}"#;
    assert_eq!(error.to_string(), shown);
}

proptest! {
    #[test]
    fn any_place_in_any_text_can_be_shown(
        text in "(\\PC|\\PC|\n|\r|\t|\u{1b}|\u{9b}|\u{200e}){0,200}",
        start in 0usize..300,
        len in 0usize..300,
    ) {
        let source = source(&text);
        let span = source.span(start..start + len);
        let shown = Diagnostic::error(&source, span, text.clone()).related(span, "also").to_string();
        let control = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
        prop_assert!(!shown.contains(control), "{shown:?}");
    }
}

#[test]
fn what_is_long_is_cut() {
    let long = |bytes: usize| "é".repeat(bytes / 2);
    let of = |text: String| Diagnostic::unplaced(Severity::Error, text.clone()).help(text);
    let whole = of(long(Diagnostic::LONGEST));
    assert_eq!(whole.message(), long(Diagnostic::LONGEST));
    let cut = of(long(Diagnostic::LONGEST + 2));
    assert_eq!(cut.message(), long(Diagnostic::LONGEST - 4) + "…");
    assert_eq!(cut.help_text(), Some(cut.message()));
}
