//! Variants that take turns, and the table of what they took.

use std::time::Duration;

use rcmgr_benches::aims::short;
use rcmgr_benches::turns::{Effort, Turn, take_turns};
use rcmgr_benches::{Timed, Work};

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Whether it is a smoke run, whose numbers mean nothing.
    pub quick: bool,
}

impl Scale {
    /// A number of items, or a hundredth of it.
    pub const fn count(self, full: u64) -> u64 {
        if self.quick { full / 100 } else { full }
    }

    /// Times without percentiles.
    fn effort(self) -> Effort {
        let [full, quick] = [Effort::FULL, Effort::QUICK];
        let at_most = Duration::from_secs(3);
        let effort = if self.quick { quick } else { Effort { at_most, ..full } };
        Effort { singles: 0, singles_at_most: Duration::ZERO, ..effort }
    }

    /// Lets variants take turns, each of which has a piece of work for each thread; gives the
    /// nanoseconds of one operation of a thread.
    pub fn contest(self, variants: impl IntoIterator<Item = Vec<Box<dyn Work>>>) -> Vec<f64> {
        let turn = |works| Turn::new("variant", Timed::Here(works));
        let mut turns: Vec<_> = variants.into_iter().map(turn).collect();
        let threads = turns.first().map_or(1, |turn| match &turn.timed {
            Timed::Here(works) => works.len(),
            Timed::Elsewhere(_) => 1,
        });
        let (all_taken, _) = take_turns(&mut turns, threads, &self.effort());
        all_taken.iter().map(|taken| taken.ns).collect()
    }
}

/// A table in Markdown: what a row is about, and its numbers.
#[derive(Debug)]
pub struct Table {
    text: String,
}

impl Table {
    /// A table without rows: the heads of the columns that say what a row is about, and of those with
    /// numbers.
    pub fn new(about: &[&str], numbers: &[&str]) -> Self {
        let line = format!("|{}{}\n", "---|".repeat(about.len()), "---:|".repeat(numbers.len()));
        let mut table = Table { text: String::new() };
        table.cells(about.iter().chain(numbers).copied());
        table.text.push_str(&line);
        table
    }

    /// Adds a row of which the least number is best. That, and what is within a twentieth of it, is
    /// bold: less may be chance.
    pub fn contest(&mut self, about: &[&str], numbers: &[f64]) {
        const CHANCE: f64 = 1.05;
        let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
        let number = |number: &f64| {
            let text = short(*number);
            if *number <= least * CHANCE { format!("**{text}**") } else { text }
        };
        let numbers: Vec<_> = numbers.iter().map(number).collect();
        self.row(about, &numbers);
    }

    /// Adds a row as it is.
    pub fn row(&mut self, about: &[&str], numbers: &[String]) {
        self.cells(about.iter().copied().chain(numbers.iter().map(String::as_str)));
    }

    fn cells<'c>(&mut self, cells: impl Iterator<Item = &'c str>) {
        for cell in cells {
            self.text.push_str("| ");
            self.text.push_str(cell);
            self.text.push(' ');
        }
        self.text.push_str("|\n");
    }

    /// The whole table.
    pub fn text(self) -> String {
        self.text
    }
}

/// A number of bytes that is a power of two, in the largest unit that divides it.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..0x10_0000 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_is_bold_and_what_is_as_good() {
        let mut table = Table::new(&["threads"], &["a", "b", "c"]);
        table.contest(&["1"], &[104.0, 100.0, 106.0]);
        table.row(&["2"], &["x".into(), "y".into(), "z".into()]);
        let expected = "| threads | a | b | c |\n|---|---:|---:|---:|\n\
                        | 1 | **104** | **100** | 106 |\n| 2 | x | y | z |\n";
        assert_eq!(table.text(), expected);
    }

    #[test]
    fn sizes_are_told_in_their_unit() {
        assert_eq!([1, 512, 4096, 1 << 20].map(size), ["1 B", "512 B", "4 KiB", "1 MiB"]);
    }
}
