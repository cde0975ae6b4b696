use std::io::Write;

use proptest::prelude::*;

use super::*;

fn source(text: &str) -> Source {
    Source::new("limits.yaml", text).unwrap()
}

/// A file of its own for a test, which is removed with it.
struct TestFile(std::path::PathBuf);

impl TestFile {
    fn new(name: &str, bytes: &[u8]) -> TestFile {
        let path = std::env::temp_dir().join(format!("rcmgr-{}-{name}", std::process::id()));
        File::create(&path).unwrap().write_all(bytes).unwrap();
        TestFile(path)
    }

    fn error(&self) -> String {
        let error = Source::read(&self.0).unwrap_err().to_string();
        error.replace(&self.0.display().to_string(), "FILE")
    }
}

impl Drop for TestFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_file_is_read_without_its_byte_order_mark() {
    let file = TestFile::new("bom", b"\xef\xbb\xbffd: 1\r\n");
    let source = Source::read(&file.0).unwrap();
    assert_eq!(source.text(), "fd: 1\r\n");
    assert_eq!(source.name(), file.0.to_str().unwrap());
}

#[test]
fn what_cannot_be_read_says_why() {
    let missing = Source::read("/no/limits.yaml").unwrap_err().to_string();
    assert_eq!(missing, "/no/limits.yaml: No such file or directory (os error 2)");

    let latin = TestFile::new("latin", b"a: 1\n# \xfcber\n");
    assert_eq!(latin.error(), "FILE:2: byte 8 of the file is not UTF-8; save the file as UTF-8");

    let long = TestFile::new("long", &vec![b'#'; Source::MAX_LEN + 1]);
    let refusal =
        "FILE: it is longer than 16 MiB, which no file of limits is; is it the right file?";
    assert_eq!(long.error(), refusal);
}

#[test]
fn the_longest_text_is_taken() {
    let longest = "#".repeat(Source::MAX_LEN);
    assert_eq!(Source::new("x", longest.clone()).unwrap().text().len(), Source::MAX_LEN);
    assert!(matches!(Source::new("x", longest + "#"), Err(SourceError::TooLong { .. })));
}

#[cfg(unix)]
#[test]
fn a_file_that_never_ends_is_refused() {
    assert!(matches!(Source::read("/dev/zero"), Err(SourceError::TooLong { .. })));
}

#[test]
fn columns_are_counted_in_characters() {
    let source = source("é: 1\r\n\r\nüü: x");
    let at = |text: &str| {
        let start = source.text().find(text).unwrap();
        source.position(source.span(start..start + text.len())).to_string()
    };
    assert_eq!(at("é"), "1:1");
    assert_eq!(at("1"), "1:4");
    assert_eq!(at("x"), "3:5");
    assert_eq!(source.position(source.span(99..99)).to_string(), "3:6");
}

#[test]
fn a_line_is_without_what_ends_it() {
    let source = source("a\r\nb\n\nc");
    let line = |at| &source.text()[source.line(source.span(at..at))];
    assert_eq!([0, 2, 3, 4, 5, 6, 7].map(line), ["a", "a", "b", "b", "", "c", "c"]);
}

proptest! {
    #[test]
    fn any_range_becomes_a_span_of_the_text(text: String, start in 0usize..40, len in 0usize..40) {
        let source = source(&text);
        let span = source.span(start..start + len);
        prop_assert!(source.text().get(span.range()).is_some());
        let Position { line, column } = source.position(span);
        let before = &source.text()[..span.range().start];
        let own = before.rsplit('\n').next().unwrap_or(before);
        prop_assert_eq!(line as usize, before.matches('\n').count() + 1);
        prop_assert_eq!(column as usize, own.chars().count() + 1);
        prop_assert!(source.line(span).end <= source.text().len());
    }
}
