//! Every value that is in effect, with where it comes from.

use std::fmt;

use rcmgr_config::{Effective, Key, Value};
use rcmgr_core::Resource;

/// The longest key or value that others are aligned with.
const WIDEST: usize = 60;

/// Limits, to be shown with their origins.
pub struct Explained<'e>(pub &'e Effective);

impl fmt::Display for Explained<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let effective = self.0;
        writeln!(f, "{}\n", effective.given)?;
        let lines: Vec<[String; 3]> = effective
            .values()
            .into_iter()
            .filter(|(key, value)| is_worth_a_line(key, value))
            .map(|(key, value)| {
                let origin = effective.origin(&key).to_string();
                [key.to_string(), value.to_string(), origin]
            })
            .collect();
        let width = |column: usize| {
            let lengths = lines.iter().map(|line| line[column].chars().count());
            // A long name or list pushes out its own line only.
            lengths.filter(|length| *length <= WIDEST).max().unwrap_or_default()
        };
        let (keys, values) = (width(0), width(1));
        for [key, value, origin] in &lines {
            writeln!(f, "{key:<keys$}  {value:<values$}  {origin}")?;
        }
        Ok(())
    }
}

/// What the node is given stands above; and tasks are told of where they are limited.
fn is_worth_a_line(key: &Key, value: &Value) -> bool {
    use Resource::{Tasks, TasksHigh, TasksLow, TasksMedium};
    match (key, value) {
        (Key::Memory | Key::FileDescriptors, _) => false,
        (_, Value::Limit(Tasks | TasksHigh | TasksMedium | TasksLow, limit)) => {
            !limit.is_unlimited()
        }
        _ => true,
    }
}
