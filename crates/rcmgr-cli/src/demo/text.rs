//! How numbers, bars and tables look, on 80 columns.

use std::{fmt, time::Duration};

use rcmgr_core::Resource;

use super::sample::{Grid, RESOURCES, Use};

const BAR: u64 = 8;
const LABEL: usize = 17;
const COLUMN: usize = 21;

/// How text may be set off.
#[derive(Clone, Copy)]
pub enum Style {
    Title,
    Calm,
    Full,
    Bad,
}

/// Sets text off by colour, or not at all.
#[derive(Clone, Copy)]
pub struct Paint {
    pub colour: bool,
}

impl Paint {
    pub fn paint(self, style: Style, text: impl fmt::Display) -> String {
        if !self.colour {
            return text.to_string();
        }
        let code = match style {
            Style::Title => "1",
            Style::Calm => "36",
            Style::Full => "33",
            Style::Bad => "1;31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// A table of all scopes and resources under its title; `peers` says how many peers became
    /// one column.
    pub fn table<T: Copy>(
        self,
        title: &str,
        peers: &str,
        fields: &Grid<T>,
        field: impl Fn(Paint, Resource, T) -> Field,
    ) -> Vec<String> {
        let mut head = format!("{title:<LABEL$}");
        for name in ["system", "transient", peers] {
            head += &format!("{name:<COLUMN$}");
        }
        let mut lines = vec![self.paint(Style::Title, head.trim_end())];
        for (resource, row) in RESOURCES.into_iter().zip(fields) {
            let mut line = format!("  {:<1$}", label(resource), LABEL - 2);
            for value in row {
                let field = field(self, resource, *value);
                line += &field.text;
                line.extend(std::iter::repeat_n(' ', COLUMN.saturating_sub(field.width)));
            }
            line.truncate(line.trim_end().len());
            lines.push(line);
        }
        lines
    }

    /// `██████░░ 17/24`.
    pub fn meter(self, resource: Resource, value: Use) -> Field {
        let Use { used, limit } = value;
        let filled = (used * BAR).checked_div(limit).unwrap_or(0).min(BAR);
        // What is in use at all shows.
        let filled = filled.max(u64::from(used > 0)) as usize;
        let full = "█".repeat(filled);
        let empty = "░".repeat(BAR as usize - filled);
        let style = match () {
            () if used > limit => Style::Bad,
            () if value.percent() >= 80 => Style::Full,
            () => Style::Calm,
        };
        let numbers = match resource {
            Resource::Memory => format!("{:.1}/{} MiB", mib(used), limit >> 20),
            _ => format!("{used}/{limit}"),
        };
        let width = BAR as usize + 1 + numbers.len();
        Field { text: format!("{}{empty} {numbers}", self.paint(style, full)), width }
    }

    /// `1,204 (+31)`, or a dash for nothing.
    pub fn count(self, total: u64, lately: u64) -> Field {
        let text = match (total, lately) {
            (0, _) => "-".to_owned(),
            (_, 0) => thousands(total),
            _ => format!("{:<8} +{lately}", thousands(total)),
        };
        Field { width: text.len(), text }
    }
}

/// A field of a table; its width is known apart from escape codes.
pub struct Field {
    text: String,
    width: usize,
}

/// A resource in few letters.
pub fn label(resource: Resource) -> &'static str {
    match resource {
        Resource::ConnectionsInbound => "connections in",
        Resource::FileDescriptors => "descriptors",
        Resource::StreamsInbound => "streams in",
        Resource::StreamsOutbound => "streams out",
        other => other.name(),
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// `1,234,567`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Milliseconds: `0.8 ms`, `12 ms`.
pub fn millis(duration: Duration) -> String {
    let millis = duration.as_secs_f64() * 1000.0;
    if millis < 10.0 { format!("{millis:.1} ms") } else { format!("{millis:.0} ms") }
}

/// A share in percent: `0.00 %`.
pub fn share(part: u64, whole: u64) -> String {
    let percent = if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 };
    format!("{percent:.2} %")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::sample::grid;

    const WIDTH: usize = 80;

    #[test]
    fn numbers_are_grouped() {
        let shown = [0, 999, 1000, 1_234_567].map(thousands);
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn the_widest_table_fits() {
        let paint = Paint { colour: false };
        let full = grid(|_, resource| {
            let limit = if resource == Resource::Memory { 80 << 20 } else { 608 };
            Use { used: limit, limit }
        });
        for line in paint.table("in use", "busiest peer", &full, Paint::meter) {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
        let counts = grid(|_, _| (9_999_999, 9_999));
        let count = |paint: Paint, _, (total, lately)| paint.count(total, lately);
        for line in paint.table("refused", "all peers", &counts, count) {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
    }

    #[test]
    fn bars_show_what_is_in_use_and_never_burst() {
        let paint = Paint { colour: false };
        let bar = |used, limit| paint.meter(Resource::Streams, Use { used, limit }).text;
        assert_eq!(bar(0, 10), "░░░░░░░░ 0/10");
        assert_eq!(bar(1, 100), "█░░░░░░░ 1/100");
        assert_eq!(bar(99, 100), "███████░ 99/100");
        assert_eq!(bar(100, 100), "████████ 100/100");
        assert_eq!(bar(200, 100), "████████ 200/100");
    }
}
