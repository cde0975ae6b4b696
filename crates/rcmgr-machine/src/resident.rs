//! How much memory this process takes, at this moment.

use std::io;

use crate::Root;

const STATM: &str = "/proc/self/statm";

/// Why it is not known how much memory this process takes.
#[derive(Debug, thiserror::Error)]
pub enum ResidentError {
    /// The kernel's file cannot be read.
    #[error("{STATM}: {0}; what a process takes is only known where /proc is mounted")]
    Unreadable(io::Error),
    /// The kernel's file holds something else than what was expected.
    #[error("{STATM}: it holds {0:?}, where numbers of pages were expected, the second above 0")]
    Malformed(String),
    /// This is not known of this operating system.
    #[error("what a process takes is only known on Linux; do not watch it elsewhere")]
    Unsupported,
}

/// How many bytes of the machine's memory this process takes: its resident size, pages of files and
/// of shared memory included, swap not.
///
/// It reads one file of the kernel, which takes microseconds and waits for no disk. The kernel counts
/// by thread or processor and sums up now and then, so the number may be off by some hundred KiB.
///
/// # Errors
/// The file cannot be read or understood, or it is another system than Linux.
pub fn resident() -> Result<u64, ResidentError> {
    resident_at(&Root::default())
}

/// The same, where the file is under this root.
pub(crate) fn resident_at(root: &Root) -> Result<u64, ResidentError> {
    #[cfg(target_os = "linux")]
    {
        let text = root.text(std::path::Path::new(STATM)).map_err(ResidentError::Unreadable)?;
        let text = text.ok_or_else(|| ResidentError::Unreadable(io::ErrorKind::NotFound.into()))?;
        of_statm(&text, rustix::param::page_size() as u64)
            .ok_or_else(|| ResidentError::Malformed(text.chars().take(40).collect()))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = root;
        Err(ResidentError::Unsupported)
    }
}

/// The bytes of the second number. A process that runs takes some: sandboxes that do not know say 0.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
fn of_statm(text: &str, page: u64) -> Option<u64> {
    let pages: u64 = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    pages.checked_mul(page).filter(|bytes| *bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_number_counts_resident_pages() {
        assert_eq!(of_statm("4327 1234 800 350 0 470 0\n", 4096), Some(1234 * 4096));
        assert_eq!(of_statm("4327 1234", 65_536), Some(1234 * 65_536));
    }

    #[test]
    fn what_is_no_size_is_not_taken_for_one() {
        for bad in ["", "4327", "4327 0 0", "4327 -1 0", "a b", "1 18446744073709551615 0"] {
            assert_eq!(of_statm(bad, 4096), None, "{bad}");
        }
    }

    #[test]
    fn errors_say_where_it_is_known() {
        let unreadable = ResidentError::Unreadable(io::ErrorKind::NotFound.into());
        assert_eq!(
            unreadable.to_string(),
            "/proc/self/statm: entity not found; what a process takes is only known where /proc is \
             mounted"
        );
        assert_eq!(
            ResidentError::Malformed("0 0".into()).to_string(),
            "/proc/self/statm: it holds \"0 0\", where numbers of pages were expected, the second \
             above 0"
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_touched_is_counted() {
        const BYTES: usize = 64 << 20;
        let touched = std::hint::black_box(vec![1u8; BYTES]);
        // In all, since other tests of this process may give memory back meanwhile.
        let taken = resident().unwrap();
        assert!(taken >= BYTES as u64, "{taken}");
        drop(touched);
    }
}
