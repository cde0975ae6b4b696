//! What a node is given of its machine, and why so much.

use core::fmt;

use crate::machine::{self, AvailableMemory, MachineError, MachineMemory};
use crate::{Follower, InvalidFollow, MemoryGiven, Ratio, Settings, Share, Size};

/// What a machine has.
pub trait Machine {
    /// The memory that this process may use.
    ///
    /// # Errors
    /// The machine does not tell.
    fn memory(&self) -> Result<MachineMemory, MachineError>;

    /// The memory that is free for this process at this moment.
    ///
    /// # Errors
    /// The machine does not tell.
    fn available(&self) -> Result<AvailableMemory, MachineError>;

    /// How many descriptors this process may have open.
    ///
    /// # Errors
    /// The machine does not tell.
    fn file_descriptors(&self) -> Result<u64, MachineError>;
}

/// The machine that this process runs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThisMachine;

impl Machine for ThisMachine {
    fn memory(&self) -> Result<MachineMemory, MachineError> {
        MachineMemory::of_this_process()
    }

    fn available(&self) -> Result<AvailableMemory, MachineError> {
        AvailableMemory::of_this_process()
    }

    fn file_descriptors(&self) -> Result<u64, MachineError> {
        machine::descriptors()
    }
}

/// A machine that does not tell: for who has said all that a node is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoMachine;

impl Machine for NoMachine {
    fn memory(&self) -> Result<MachineMemory, MachineError> {
        Err(MachineError::Unsupported)
    }

    fn available(&self) -> Result<AvailableMemory, MachineError> {
        Err(MachineError::Unsupported)
    }

    fn file_descriptors(&self) -> Result<u64, MachineError> {
        Err(MachineError::Unsupported)
    }
}

/// What a node is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Bytes of memory.
    pub memory: u64,
    /// File descriptors.
    pub file_descriptors: u64,
    /// What the memory is a part of.
    pub of_memory: Option<OfMemory>,
    /// What the descriptors are a part of, and which: the soft limit of open files.
    pub of_file_descriptors: Option<(Ratio, u64)>,
}

/// What the memory that a node is given is a part of, and which part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfMemory {
    /// All that this process may use.
    Whole(Ratio, MachineMemory),
    /// What is free, which changes.
    Free(Ratio, AvailableMemory),
}

/// Why it cannot be told what a node is given.
#[derive(Debug, thiserror::Error)]
pub enum GivenError {
    /// The machine does not tell what it has.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// What is free cannot be followed so.
    #[error("the memory: {0}")]
    Follow(#[from] InvalidFollow),
}

impl Given {
    /// So much, whatever the machine has.
    pub const fn exactly(memory: u64, file_descriptors: u64) -> Given {
        Given { memory, file_descriptors, of_memory: None, of_file_descriptors: None }
    }

    /// What settings give a node: by default an eighth of the machine's memory and half of the
    /// descriptors, as in go-libp2p. The machine is asked only for what depends on it.
    ///
    /// # Errors
    /// The machine does not tell what it has, or settings that were made by hand follow it in a
    /// way that contradicts itself.
    pub fn of(settings: &Settings, machine: &dyn Machine) -> Result<Given, GivenError> {
        let (mut of_memory, mut of_file_descriptors) = (None, None);
        let memory = settings.memory.as_ref().map(|said| said.value);
        let memory = match memory.unwrap_or(MemoryGiven::Share(Share::MEMORY)) {
            MemoryGiven::Share(share) => share.of(|| {
                let whole = machine.memory()?;
                let bytes = whole.bytes;
                of_memory = share.part().map(|part| OfMemory::Whole(part, whole));
                Ok::<_, MachineError>(bytes)
            })?,
            MemoryGiven::Follow(follow) => {
                let free = machine.available()?;
                let given = Follower::new(follow)?.sample(free.bytes, 0).unwrap_or(follow.least);
                of_memory = Some(OfMemory::Free(follow.part, free));
                given
            }
        };
        let descriptors = settings.file_descriptors.as_ref().map(|said| said.value);
        let descriptors = descriptors.unwrap_or(Share::DESCRIPTORS);
        let file_descriptors = descriptors.of(|| {
            let whole = machine.file_descriptors()?;
            of_file_descriptors = descriptors.part().map(|part| (part, whole));
            Ok::<_, MachineError>(whole)
        })?;
        Ok(Given { memory, file_descriptors, of_memory, of_file_descriptors })
    }
}

/// Two lines, each with its reason.
impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "memory            {:#}", Size(self.memory))?;
        match &self.of_memory {
            Some(OfMemory::Whole(part, MachineMemory { bytes, bounded_by })) => {
                write!(f, ", {} of {:#}, {bounded_by}", InWords(*part), Size(*bytes))?;
            }
            Some(OfMemory::Free(part, free)) => {
                write!(f, ", {} of {:#} that are free", InWords(*part), Size(free.bytes))?;
            }
            None => {}
        }
        write!(f, "\nfile-descriptors  {}", self.file_descriptors)?;
        if let Some((part, whole)) = self.of_file_descriptors {
            write!(f, ", {} of {whole}, the soft limit of open files", InWords(part))?;
        }
        Ok(())
    }
}

struct InWords(Ratio);

impl fmt::Display for InWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [(1, "all"), (2, "half"), (4, "a quarter"), (8, "an eighth")];
        match words.into_iter().find(|(parts, _)| Ratio::one_of(*parts) == self.0) {
            Some((_, words)) => f.write_str(words),
            None => self.0.fmt(f),
        }
    }
}
