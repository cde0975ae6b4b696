//! What was counted, beside what was stored.

use std::fmt;

use super::baseline::Count;

/// By which part of itself a count may differ from the stored one, either way.
pub const TOLERANCE: f64 = 0.03;

/// How a count compares to the stored one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the same, within [`TOLERANCE`].
    Same,
    /// It is greater.
    Grew,
    /// It is less. The stored one has to follow, or what was won could be lost again unseen.
    Shrank,
    /// Nothing was stored for it.
    New,
    /// It is stored, and was not counted.
    Gone,
}

/// One count beside the stored one.
#[derive(Clone, Debug, PartialEq)]
struct Pair<'c> {
    scenario: &'c str,
    contender: &'c str,
    stored: Option<f64>,
    counted: Option<f64>,
}

/// All counts beside the stored ones. Displayed, it is a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison<'c>(Vec<Pair<'c>>);

impl<'c> Comparison<'c> {
    /// In the order in which they were counted; what was not, at the end.
    pub fn new(stored: &'c [Count], counted: &'c [Count]) -> Self {
        let in_both = counted.iter().map(|count| (count, find(stored, count), Some(count)));
        let gone = stored.iter().filter(|count| find(counted, count).is_none());
        let all = in_both.chain(gone.map(|count| (count, Some(count), None)));
        let pair = |(name, stored, counted): (&'c Count, Option<&Count>, Option<&Count>)| Pair {
            scenario: &name.scenario,
            contender: &name.contender,
            stored: stored.map(|count| count.instructions),
            counted: counted.map(|count| count.instructions),
        };
        Comparison(all.map(pair).collect())
    }

    /// Whether all are the same.
    pub fn is_same(&self) -> bool {
        self.0.iter().all(|pair| pair.verdict() == Verdict::Same)
    }
}

fn find<'c>(counts: &'c [Count], of: &Count) -> Option<&'c Count> {
    let is_it =
        |count: &&Count| (&count.scenario, &count.contender) == (&of.scenario, &of.contender);
    counts.iter().find(is_it)
}

impl Pair<'_> {
    /// The difference, as a part of what is stored.
    fn change(&self) -> Option<f64> {
        Some(self.counted? / self.stored? - 1.0)
    }

    fn verdict(&self) -> Verdict {
        match self.change() {
            Some(change) if change > TOLERANCE => Verdict::Grew,
            Some(change) if change < -TOLERANCE => Verdict::Shrank,
            Some(_) => Verdict::Same,
            None if self.counted.is_some() => Verdict::New,
            None => Verdict::Gone,
        }
    }
}

impl fmt::Display for Comparison<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |cells: [&str; 6]| {
            let [scenario, contender, stored, counted, change, verdict] = cells;
            let text = format!(
                "{scenario:<18}  {contender:<32}  {stored:>9}  {counted:>9}  {change:>8}  {verdict}"
            );
            writeln!(f, "{}", text.trim_end())
        };
        line(["scenario", "contender", "stored", "counted", "change", ""])?;
        for pair in &self.0 {
            let number = |count: Option<f64>| {
                count.map_or_else(|| "–".into(), |count| format!("{count:.1}"))
            };
            let change = pair.change().map(|change| format!("{:+.2} %", change * 100.0));
            let verdict = match pair.verdict() {
                Verdict::Same => "",
                Verdict::Grew => "GREW",
                Verdict::Shrank => "SHRANK",
                Verdict::New => "NEW",
                Verdict::Gone => "GONE",
            };
            line([
                pair.scenario,
                pair.contender,
                &number(pair.stored),
                &number(pair.counted),
                &change.unwrap_or_default(),
                verdict,
            ])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts<const N: usize>(counts: [(&str, f64); N]) -> [Count; N] {
        counts.map(|(scenario, instructions)| Count {
            scenario: scenario.into(),
            contender: "rcmgr".into(),
            instructions,
        })
    }

    fn verdict(stored: f64, counted: f64) -> Verdict {
        let (stored, counted) = (counts([("span", stored)]), counts([("span", counted)]));
        Comparison::new(&stored, &counted).0[0].verdict()
    }

    #[test]
    fn a_count_may_differ_within_the_tolerance() {
        assert_eq!(verdict(100.0, 102.9), Verdict::Same);
        assert_eq!(verdict(100.0, 97.1), Verdict::Same);
        assert_eq!(verdict(100.0, 103.1), Verdict::Grew);
        assert_eq!(verdict(100.0, 96.9), Verdict::Shrank);
    }

    #[test]
    fn what_stands_on_one_side_only_is_told() {
        let stored = counts([("span", 100.0), ("connection", 100.0)]);
        let counted = counts([("refused-ip", 100.0), ("connection", 100.0)]);
        let comparison = Comparison::new(&stored, &counted);
        let found = comparison.0.iter().map(|pair| (pair.scenario, pair.verdict()));
        assert_eq!(
            found.collect::<Vec<_>>(),
            [("refused-ip", Verdict::New), ("connection", Verdict::Same), ("span", Verdict::Gone)]
        );
        assert!(!comparison.is_same());
        assert!(Comparison::new(&stored, &stored).is_same());
    }

    #[test]
    fn the_table_says_what_grew_by_how_much() {
        let (stored, counted) = (counts([("span", 100.0)]), counts([("span", 112.5)]));
        let table = Comparison::new(&stored, &counted).to_string();
        let words: Vec<_> = table.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(words, ["span", "rcmgr", "100.0", "112.5", "+12.50", "%", "GREW"]);
    }
}
