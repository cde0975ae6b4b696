//! The live view: drawn in place on a terminal, one line a second elsewhere.

use std::{
    env,
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

use super::{
    sample::{Grid, SCOPES, Sample},
    text::{Paint, Style, millis, thousands},
};

/// Without a terminal, the lines between two heads of their columns.
const HEAD_EVERY: u64 = 20;

/// Where the run is shown. Writing fails when nobody reads any more.
pub struct Screen {
    out: io::Stdout,
    in_place: bool,
    paint: Paint,
    title: Vec<String>,
    duration: Duration,
    /// Lines of the last frame, which the next one replaces.
    drawn: usize,
    printed: u64,
}

impl Screen {
    /// The screen for a run of the given duration, under a title.
    pub fn new(title: Vec<String>, duration: Duration) -> Screen {
        let out = io::stdout();
        let in_place = out.is_terminal() && env::var_os("TERM").is_none_or(|term| term != "dumb");
        // https://no-color.org: set and not empty.
        let colour = in_place && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let paint = Paint { colour };
        Screen { out, in_place, paint, title, duration, drawn: 0, printed: 0 }
    }

    pub fn paint(&self) -> Paint {
        self.paint
    }

    /// Shows what does not change.
    pub fn open(&mut self) -> io::Result<()> {
        self.lines(&self.title)
    }

    /// Prints lines below what is shown.
    pub fn lines(&self, lines: &[String]) -> io::Result<()> {
        let mut out = self.out.lock();
        for line in lines {
            writeln!(out, "{line}")?;
        }
        out.flush()
    }

    /// Shows a moment.
    pub fn show(&mut self, sample: &Sample) -> io::Result<()> {
        if self.in_place {
            return self.redraw(&self.frame(sample));
        }
        if self.printed.is_multiple_of(HEAD_EVERY) {
            self.lines(&HEAD.map(str::to_owned))?;
        }
        self.printed += 1;
        self.lines(&[plain(sample)])
    }

    fn redraw(&mut self, frame: &[String]) -> io::Result<()> {
        let mut out = self.out.lock();
        // Without wrapping, a narrow terminal cuts lines, and going up finds the right one.
        write!(out, "\x1b[?7l")?;
        if self.drawn > 0 {
            write!(out, "\x1b[{}A", self.drawn)?;
        }
        for line in frame {
            writeln!(out, "\r\x1b[2K{line}")?;
        }
        write!(out, "\x1b[?7h")?;
        self.drawn = frame.len();
        out.flush()
    }

    fn frame(&self, sample: &Sample) -> Vec<String> {
        let paint = self.paint;
        let elapsed = sample.elapsed.as_secs();
        let mut lines = vec![String::new()];
        lines.extend(paint.table("in use", "busiest peer", &sample.in_use, Paint::meter));
        lines.push(String::new());
        let count = |paint: Paint, _, (total, lately)| paint.count(total, lately);
        lines.extend(paint.table("refused", "all peers", &pairs(sample), count));
        lines.push(String::new());
        let failed = sample.honest.failed();
        let failed = match failed {
            0 => "0 failed".to_owned(),
            _ => paint.paint(Style::Bad, format_args!("{} failed", thousands(failed))),
        };
        let latency = sample.latency.map_or("none served lately".to_owned(), |latency| {
            format!("median {}, 99 % {}", millis(latency.median), millis(latency.p99))
        });
        lines.push(format!(
            "{}   {}/s, {} served, {failed}, {latency}",
            paint.paint(Style::Title, "honest requests"),
            sample.served_lately,
            thousands(sample.honest.served),
        ));
        lines.push(format!("{} of {} s", elapsed, self.duration.as_secs()));
        lines
    }
}

fn pairs(sample: &Sample) -> Grid<(u64, u64)> {
    std::array::from_fn(|row| {
        std::array::from_fn(|column| {
            (sample.refused[row][column], sample.refused_lately[row][column])
        })
    })
}

// Descriptors and outbound streams are left out: here they follow the inbound connections.
const HEAD: [&str; 3] = [
    "     in use, % of the limit              refused this second      honest",
    "     system      transient   busiest peer sys tran  all peers     done bad 99 %",
    "time con str mem con str mem con str mem  all  all  con  str  mem  1 s all   ms",
];
/// Rows of the grids: connections, streams in, memory.
const SHOWN: [usize; 3] = [0, 2, 4];

/// One line: the columns of [`HEAD`].
fn plain(sample: &Sample) -> String {
    let mut line = format!("{:>3}s", sample.elapsed.as_secs());
    for scope in 0..SCOPES.len() {
        for row in SHOWN {
            line += &format!(" {:>3}", sample.in_use[row][scope].percent());
        }
    }
    let lately = &sample.refused_lately;
    let of_scope = |scope: usize| lately.iter().map(|row| row[scope]).sum::<u64>();
    line += &format!(" {:>4} {:>4}", of_scope(0), of_scope(1));
    for row in SHOWN {
        line += &format!(" {:>4}", lately[row][2]);
    }
    line += &format!(" {:>4} {:>3}", sample.served_lately, sample.honest.failed());
    let p99 = sample.latency.map(|latency| latency.p99.as_secs_f64() * 1000.0);
    line += &match p99 {
        None => "    -".to_owned(),
        Some(millis) if millis < 100.0 => format!(" {millis:>4.1}"),
        Some(millis) => format!(" {millis:>4.0}"),
    };
    line
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::demo::{
        honest::{Counts, Quantiles},
        sample::{Use, grid},
    };

    #[test]
    fn the_longest_line_fits() {
        let longest = Duration::from_secs(10) - Duration::from_millis(1);
        let sample = Sample {
            elapsed: Duration::from_secs(999),
            in_use: grid(|_, _| Use { used: 9, limit: 9 }),
            refused: grid(|_, _| 9_999_999),
            refused_lately: grid(|_, _| 1_999),
            honest: Counts { requests: 999, served: 1, refused: 499, lost: 499 },
            served_lately: 9_999,
            latency: Some(Quantiles { median: longest, p99: longest, max: longest }),
        };
        for line in HEAD.into_iter().map(str::to_owned).chain([plain(&sample)]) {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}
