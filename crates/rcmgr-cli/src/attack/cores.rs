//! Which cores are whose.
//!
//! The node has a core of its own, and the others share the rest, so that an attack takes from the
//! node what it makes the node do, and not the processor.

#[cfg_attr(not(target_os = "linux"), path = "cores/elsewhere.rs")]
#[cfg_attr(target_os = "linux", path = "cores/linux.rs")]
mod system;

pub use system::{bound_descriptors, free_descriptors, stay_on, step_back};

/// Numbers of cores. None stand for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cores {
    pub node: Vec<usize>,
    pub others: Vec<usize>,
}

impl Cores {
    /// The first core of this process for the node, the others for the rest. With one core alone,
    /// or where the system does not tell, everybody may run everywhere.
    pub fn divide() -> Cores {
        Cores::of(system::available())
    }

    fn of(mut cores: Vec<usize>) -> Cores {
        if cores.len() < 2 {
            return Cores { node: Vec::new(), others: Vec::new() };
        }
        let others = cores.split_off(1);
        Cores { node: cores, others }
    }

    /// Whether the node has one of its own.
    pub fn are_apart(&self) -> bool {
        !self.node.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_node_has_the_first_of_several_cores() {
        let cores = Cores::of(vec![3, 4, 7]);
        assert_eq!((cores.node, cores.others), (vec![3], vec![4, 7]));
        assert!(!Cores::of(vec![0]).are_apart());
    }
}
