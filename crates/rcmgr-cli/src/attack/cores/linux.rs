//! Cores, descriptors and priority of a process, on Linux.

use std::io;

use rustix::{
    process::{Resource, Rlimit, getrlimit, nice, setrlimit},
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};

use crate::attack::limits::DESCRIPTORS;

/// How far attackers stand back behind honest clients, with whom they share cores.
const STEP_BACK: i32 = 10;

/// The cores that this process may use.
pub fn available() -> Vec<usize> {
    let set = sched_getaffinity(None).unwrap_or_default();
    (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect()
}

/// Keeps this thread, and those that it starts, on some cores; on all, if there are none.
///
/// # Errors
/// The system does not allow it.
pub fn stay_on(cores: &[usize]) -> io::Result<()> {
    if cores.is_empty() {
        return Ok(());
    }
    let mut set = CpuSet::new();
    for core in cores.iter().filter(|core| **core < CpuSet::MAX_CPU) {
        set.set(*core);
    }
    Ok(sched_setaffinity(None, &set)?)
}

/// Bounds the descriptors of this process.
///
/// # Errors
/// The system does not allow it.
pub fn bound_descriptors() -> io::Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let current = maximum.map_or(DESCRIPTORS, |maximum| maximum.min(DESCRIPTORS));
    Ok(setrlimit(Resource::Nofile, Rlimit { current: Some(current), maximum })?)
}

/// Takes as many descriptors as the system gives. With fewer an attack is weaker, which shows in
/// its rate.
pub fn free_descriptors() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// Lets others go first. Without it, attackers only take more of the core that honest clients need.
pub fn step_back() {
    let _ = nice(STEP_BACK);
}
