//! What counts depend on beside the sources.

use crate::machine::{UNKNOWN, output};

/// The programs that were used, as they call themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// The compiler.
    pub rustc: String,
    /// What it compiles for.
    pub target: String,
    /// Which valgrind counted.
    pub valgrind: String,
    /// The C library, whose allocator and copying of memory are counted too.
    pub libc: String,
}

impl Conditions {
    /// Those here; `None` where there is no valgrind. What else is not told is "unknown".
    pub fn here() -> Option<Self> {
        let valgrind = output("valgrind", &["--version"])?;
        let rustc = output("rustc", &["--version", "--verbose"]).unwrap_or_default();
        let or_unknown = |found: Option<&str>| found.unwrap_or(UNKNOWN).to_owned();
        Some(Conditions {
            rustc: or_unknown(rustc.lines().next()),
            target: or_unknown(rustc.lines().find_map(|line| line.strip_prefix("host: "))),
            valgrind,
            libc: or_unknown(output("getconf", &["GNU_LIBC_VERSION"]).as_deref()),
        })
    }

    /// How they are called, in the order of the fields.
    pub const NAMES: [&str; 4] = ["compiler", "target", "valgrind", "C library"];

    /// Each with its name.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let values = [&self.rustc, &self.target, &self.valgrind, &self.libc];
        Self::NAMES.into_iter().zip(values.map(String::as_str))
    }

    /// Whether counts under both can be held against each other: the compiler decides what there is
    /// to count. The C library has a small part in it, so another one, or another valgrind, is only
    /// told where counts differ.
    pub fn is_comparable(&self, other: &Conditions) -> bool {
        (&self.rustc, &self.target) == (&other.rustc, &other.target)
    }

    /// What is not the same in both, in words; empty if nothing is.
    pub fn differences(&self, other: &Conditions) -> String {
        let pairs = self.named().zip(other.named());
        let differ = pairs.filter(|(ours, theirs)| ours != theirs);
        let words =
            differ.map(|((name, ours), (_, theirs))| format!("{name}: {ours}, not {theirs}"));
        words.collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Conditions {
        let [rustc, target, valgrind, libc] =
            ["rustc 1.95.0", "x86_64-unknown-linux-gnu", "valgrind-3.19.0", "glibc 2.36"]
                .map(String::from);
        Conditions { rustc, target, valgrind, libc }
    }

    #[test]
    fn another_compiler_or_target_is_not_comparable() {
        let newer = Conditions { rustc: "rustc 1.96.0".into(), ..some() };
        let arm = Conditions { target: "aarch64-unknown-linux-gnu".into(), ..some() };
        assert!(!newer.is_comparable(&some()) && !arm.is_comparable(&some()));
        assert_eq!(newer.differences(&some()), "compiler: rustc 1.96.0, not rustc 1.95.0");
    }

    #[test]
    fn another_valgrind_or_c_library_is_told() {
        let other = Conditions { valgrind: "valgrind-3.22.0".into(), ..some() };
        let other = Conditions { libc: "glibc 2.39".into(), ..other };
        assert!(other.is_comparable(&some()));
        assert_eq!(
            other.differences(&some()),
            "valgrind: valgrind-3.22.0, not valgrind-3.19.0; C library: glibc 2.39, not glibc 2.36"
        );
        assert_eq!(some().differences(&some()), "");
    }
}
