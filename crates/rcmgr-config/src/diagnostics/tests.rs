use std::sync::Arc;

use super::*;
use crate::Source;

fn numbered(severity: Severity, source: &Arc<Source>, at: usize) -> Diagnostic {
    Diagnostic::unplaced(severity, format!("number {at}")).at(source, source.span(at..at))
}

/// The messages in the order in which they are shown.
fn shown(diagnostics: &Diagnostics) -> Vec<String> {
    let shown = diagnostics.to_string();
    let messages = shown.lines().filter_map(|line| line.split_once(": number "));
    messages.map(|(severity, number)| format!("{} {number}", &severity[..1])).collect()
}

#[test]
fn they_are_shown_in_order_of_place() {
    let texts = ["b", "a"].map(|name| Arc::new(Source::new(name, "x".repeat(9)).unwrap()));
    let mut diagnostics = Diagnostics::from(Diagnostic::unplaced(Severity::Error, "number 0"));
    diagnostics.extend([
        numbered(Severity::Warning, &texts[0], 3),
        numbered(Severity::Error, &texts[0], 4),
        numbered(Severity::Error, &texts[1], 7),
        numbered(Severity::Error, &texts[0], 2),
    ]);
    assert_eq!(shown(&diagnostics), ["e 7", "e 2", "w 3", "e 4", "e 0"]);
    assert_eq!((diagnostics.errors().len(), diagnostics.warnings().len()), (4, 1));
}

#[test]
fn errors_are_shown_when_there_are_too_many_warnings() {
    let source = Arc::new(Source::new("limits.yaml", "x".repeat(5000)).unwrap());
    let mut diagnostics = Diagnostics::default();
    assert!(diagnostics.is_empty() && diagnostics.to_string().is_empty());
    for at in 0..4000 {
        diagnostics.push(numbered(Severity::Warning, &source, at));
    }
    assert!(!diagnostics.has_errors());
    diagnostics.append(numbered(Severity::Error, &source, 4500).into());
    assert!(diagnostics.has_errors());

    assert_eq!(diagnostics.len(), 4001);
    assert_eq!(diagnostics.warnings().len(), Diagnostics::KEPT);
    let shown = shown(&diagnostics);
    assert_eq!(shown.len(), Diagnostics::SHOWN);
    assert_eq!((&*shown[0], &*shown[98], &*shown[99]), ("w 0", "w 98", "e 4500"));
    assert!(diagnostics.to_string().ends_with("\n\nand 3901 more"));
}
