//! Every value that is in effect, with where it comes from.

use std::fmt;

use rcmgr_config::Effective;

/// Limits, to be shown with their origins.
pub struct Explained<'e>(pub &'e Effective);

impl fmt::Display for Explained<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let effective = self.0;
        let lines: Vec<[String; 3]> = effective
            .values()
            .into_iter()
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

const WIDEST: usize = 60;
