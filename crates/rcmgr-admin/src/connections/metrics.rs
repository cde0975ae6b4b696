//! Numbers in the text format of Prometheus.

use core::fmt::Write as _;
use std::collections::BTreeMap;

use rcmgr_connmgr::observe::Sample;

/// What all names begin with.
const PREFIX: &str = "rcmgr_connmgr";

/// The page: each name with its type and its values. Names and labels are none that a remote party
/// chooses, and of a bounded number.
pub(super) fn text(samples: &[Sample]) -> String {
    let mut by_name: BTreeMap<&str, Vec<&Sample>> = BTreeMap::new();
    for sample in samples {
        by_name.entry(sample.name).or_default().push(sample);
    }
    let mut page = String::new();
    for (name, samples) in by_name {
        let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
        // Nothing that is written into memory fails.
        let _ = writeln!(page, "# TYPE {PREFIX}_{name} {kind}");
        for sample in samples {
            let labels: Vec<_> = sample
                .labels
                .iter()
                .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
                .collect();
            let labels = match labels.is_empty() {
                true => String::new(),
                false => format!("{{{}}}", labels.join(",")),
            };
            let _ = writeln!(page, "{PREFIX}_{name}{labels} {}", sample.value);
        }
    }
    page
}

/// A label's value: the application chooses the names of protocols.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_its_type_once_and_values_are_escaped() {
        let samples = [
            Sample::new("rounds_total", [("mode", "batch")], 2),
            Sample::new("live", [], 7),
            Sample::new("rounds_total", [("mode", "a\"b\\c\nd")], 1),
        ];
        assert_eq!(
            text(&samples),
            "# TYPE rcmgr_connmgr_live gauge\n\
             rcmgr_connmgr_live 7\n\
             # TYPE rcmgr_connmgr_rounds_total counter\n\
             rcmgr_connmgr_rounds_total{mode=\"batch\"} 2\n\
             rcmgr_connmgr_rounds_total{mode=\"a\\\"b\\\\c\\nd\"} 1\n"
        );
    }
}
