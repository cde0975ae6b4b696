//! A process without a descriptor left. It has the only test of its binary, since all others of the
//! process would fail.
#![cfg(target_os = "linux")]

use std::fs::File;

use rcmgr_machine::{Exhausted, Readings, Root};
use rustix::process::{Resource, getrlimit, setrlimit};

#[test]
fn readings_tell_that_no_descriptor_is_left() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = Some(64);
    setrlimit(Resource::Nofile, limit).expect("it may be lowered");
    let mut held = Vec::new();
    let error = loop {
        match File::open("/dev/null") {
            Ok(file) => held.push(file),
            Err(error) => break error,
        }
    };
    assert_eq!(Exhausted::of(&error), Some(Exhausted::Descriptors));

    let readings = Readings::read(&Root::default(), true);
    assert!(readings.memory.is_err() && readings.resident.is_err() && readings.stalls.is_err());
    assert!(readings.lacked_descriptors());
    assert_eq!(readings.descriptor_limit.ok(), Some(64));
    // Since Linux 6.2 counting them takes none. One that was inherited may be beyond the limit.
    if let Some(Ok(open)) = readings.open_descriptors {
        assert!(open >= 64, "{open}");
    }

    held.truncate(held.len() - 8);
    assert!(!Readings::read(&Root::default(), true).lacked_descriptors());
}
