//! What a process takes, as the kernel counts it in `/proc`: seen from outside, so that the process
//! does nothing for it.

use std::{fs, io, time::Duration};

/// What a process has taken so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Time on a core, in steps of 10 ms.
    pub cpu: Duration,
    /// Resident bytes.
    pub resident: u64,
    /// The most that was resident.
    pub peak: u64,
}

/// The kernel's clock tick in `/proc`, which is 100 Hz on every architecture that Rust has.
const TICK: Duration = Duration::from_millis(10);

impl Usage {
    /// What the process with a number has taken.
    ///
    /// # Errors
    /// There is none.
    pub fn of(process: u32) -> io::Result<Usage> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        parse(&stat, &status).ok_or_else(|| io::Error::other("/proc is not as it was"))
    }
}

fn parse(stat: &str, status: &str) -> Option<Usage> {
    // The second field is the program's name, which may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<u32>);
    let ticks = times.next()?.ok()?.checked_add(times.next()?.ok()?)?;
    let kib = |name: &str| {
        let value = status.lines().find_map(|line| line.strip_prefix(name))?;
        value.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    };
    Some(Usage { cpu: TICK * ticks, resident: kib("VmRSS:")? << 10, peak: kib("VmHWM:")? << 10 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_programs_do_not_confuse() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 12 30 0 0 20 0 1 0 5 6 7 8";
        let status = "Name:\ta\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        let expected = Usage { cpu: Duration::from_millis(420), resident: 1 << 20, peak: 2 << 20 };
        assert_eq!(parse(stat, status), Some(expected));
        assert_eq!(parse(stat, ""), None);
    }

    #[test]
    fn this_process_has_memory() {
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(usage.resident > 0 && usage.peak >= usage.resident);
    }
}
