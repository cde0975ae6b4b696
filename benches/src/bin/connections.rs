//! Measures connection managers, and writes the page of the book. On Linux, which keeps threads on
//! some cores and tells what processors did for them.

#[cfg(target_os = "linux")]
fn main() -> std::io::Result<()> {
    rcmgr_benches::connections::run()
}

#[cfg(not(target_os = "linux"))]
fn main() {}
