//! What is accounted: resources, directions, priorities and amounts.

use core::fmt;

/// Who opened a connection or a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// The remote party opened it.
    Inbound,
    /// This node opened it.
    Outbound,
}

/// One line of a limit: the thing that a scope can run out of.
///
/// Streams and connections are limited by direction and in total, tasks by class and in total.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Resource {
    /// Bytes of memory.
    Memory,
    /// Streams that remote parties opened.
    StreamsInbound,
    /// Streams that this node opened.
    StreamsOutbound,
    /// Streams of both directions together.
    Streams,
    /// Connections that remote parties opened.
    ConnectionsInbound,
    /// Connections that this node opened.
    ConnectionsOutbound,
    /// Connections of both directions together.
    Connections,
    /// Open file descriptors.
    FileDescriptors,
    /// Tasks of all classes together.
    Tasks,
    /// Tasks of high class.
    TasksHigh,
    /// Tasks of medium class.
    TasksMedium,
    /// Tasks of low class.
    TasksLow,
}

impl Resource {
    /// Every resource, in the order of the fields of [`ScopeLimit`](crate::ScopeLimit).
    pub const ALL: [Resource; 12] = [
        Resource::Memory,
        Resource::StreamsInbound,
        Resource::StreamsOutbound,
        Resource::Streams,
        Resource::ConnectionsInbound,
        Resource::ConnectionsOutbound,
        Resource::Connections,
        Resource::FileDescriptors,
        Resource::Tasks,
        Resource::TasksHigh,
        Resource::TasksMedium,
        Resource::TasksLow,
    ];

    /// The direction that this resource counts; `None` where both or neither are meant.
    pub const fn direction(self) -> Option<Direction> {
        match self {
            Resource::StreamsInbound | Resource::ConnectionsInbound => Some(Direction::Inbound),
            Resource::StreamsOutbound | Resource::ConnectionsOutbound => Some(Direction::Outbound),
            _ => None,
        }
    }

    /// The most of it that a shared scope can count; more is refused as
    /// [`Error::Capacity`](crate::Error::Capacity), whatever the limit is. A span, a connection
    /// and a stream count up to half as much, or a sixteenth of the memory.
    pub const fn capacity(self) -> u64 {
        crate::word::capacity(self)
    }

    /// A stable name for machines: `streams_inbound`, `file_descriptors`.
    pub const fn name(self) -> &'static str {
        match self {
            Resource::Memory => "memory",
            Resource::StreamsInbound => "streams_inbound",
            Resource::StreamsOutbound => "streams_outbound",
            Resource::Streams => "streams",
            Resource::ConnectionsInbound => "connections_inbound",
            Resource::ConnectionsOutbound => "connections_outbound",
            Resource::Connections => "connections",
            Resource::FileDescriptors => "file_descriptors",
            Resource::Tasks => "tasks",
            Resource::TasksHigh => "tasks_high",
            Resource::TasksMedium => "tasks_medium",
            Resource::TasksLow => "tasks_low",
        }
    }
}

/// The name for people: `inbound streams`, `file descriptors`.
impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Resource::Memory => "bytes of memory",
            Resource::StreamsInbound => "inbound streams",
            Resource::StreamsOutbound => "outbound streams",
            Resource::Streams => "streams",
            Resource::ConnectionsInbound => "inbound connections",
            Resource::ConnectionsOutbound => "outbound connections",
            Resource::Connections => "connections",
            Resource::FileDescriptors => "file descriptors",
            Resource::Tasks => "tasks",
            Resource::TasksHigh => "tasks of high class",
            Resource::TasksMedium => "tasks of medium class",
            Resource::TasksLow => "tasks of low class",
        })
    }
}

/// How much of a memory limit a reservation may fill: `size` bytes are admitted when
/// `used + size <= limit * (priority + 1) / 256`.
///
/// The rule and the named values are those of go-libp2p's resource manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Priority(pub u8);

impl Priority {
    /// The least that there is: admitted while use stays below a 256th of the limit.
    pub const LOWEST: Priority = Priority(0);
    /// Admitted while use stays below about 40 percent of the limit.
    pub const LOW: Priority = Priority(101);
    /// Admitted while use stays below about 60 percent of the limit.
    pub const MEDIUM: Priority = Priority(152);
    /// Admitted while use stays below about 80 percent of the limit.
    pub const HIGH: Priority = Priority(203);
    /// Admitted up to the whole limit.
    pub const ALWAYS: Priority = Priority(255);

    /// The bytes of `limit` that this priority may fill: `limit * (priority + 1) / 256`,
    /// exact for every `u64`.
    pub const fn threshold(self, limit: u64) -> u64 {
        let share = self.0 as u64 + 1;
        // The quotient and the remainder by 256 are scaled apart, so nothing exceeds `limit`.
        (limit / 256) * share + (limit % 256) * share / 256
    }
}

/// The default is [`Priority::ALWAYS`].
impl Default for Priority {
    fn default() -> Self {
        Priority::ALWAYS
    }
}

/// The class of a task. Classes are hard partitions: none borrows from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TaskClass {
    /// Work that others wait for.
    High,
    /// Ordinary work.
    Medium,
    /// Work that can wait, such as collecting garbage.
    Low,
}

/// So much of each resource: what a reservation asks for, or what a scope holds.
///
/// ```
/// use rcmgr_core::{Amount, Direction, TaskClass};
///
/// let upload = Amount::memory(1 << 20).with_tasks(TaskClass::High, 1).with_file_descriptors(1);
/// assert_eq!(upload.tasks_high, 1);
/// assert!(Amount::streams(Direction::Inbound, 2) != Amount::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Amount {
    /// Bytes of memory.
    pub memory: u64,
    /// Inbound streams.
    pub streams_inbound: u32,
    /// Outbound streams.
    pub streams_outbound: u32,
    /// Inbound connections.
    pub connections_inbound: u32,
    /// Outbound connections.
    pub connections_outbound: u32,
    /// File descriptors.
    pub file_descriptors: u32,
    /// Tasks of high class.
    pub tasks_high: u32,
    /// Tasks of medium class.
    pub tasks_medium: u32,
    /// Tasks of low class.
    pub tasks_low: u32,
}

impl Amount {
    /// Nothing of anything.
    pub const ZERO: Amount = Amount {
        memory: 0,
        streams_inbound: 0,
        streams_outbound: 0,
        connections_inbound: 0,
        connections_outbound: 0,
        file_descriptors: 0,
        tasks_high: 0,
        tasks_medium: 0,
        tasks_low: 0,
    };

    /// `bytes` of memory and nothing else.
    pub const fn memory(bytes: u64) -> Amount {
        Amount { memory: bytes, ..Amount::ZERO }
    }

    /// `count` streams of one direction and nothing else.
    pub const fn streams(direction: Direction, count: u32) -> Amount {
        Amount::ZERO.with_streams(direction, count)
    }

    /// `count` connections of one direction and nothing else; descriptors are counted apart.
    pub const fn connections(direction: Direction, count: u32) -> Amount {
        Amount::ZERO.with_connections(direction, count)
    }

    /// `count` file descriptors and nothing else.
    pub const fn file_descriptors(count: u32) -> Amount {
        Amount { file_descriptors: count, ..Amount::ZERO }
    }

    /// `count` tasks of one class and nothing else.
    pub const fn tasks(class: TaskClass, count: u32) -> Amount {
        Amount::ZERO.with_tasks(class, count)
    }

    /// The same with `bytes` of memory.
    #[must_use]
    pub const fn with_memory(self, bytes: u64) -> Amount {
        Amount { memory: bytes, ..self }
    }

    /// The same with `count` streams of one direction.
    #[must_use]
    pub const fn with_streams(self, direction: Direction, count: u32) -> Amount {
        match direction {
            Direction::Inbound => Amount { streams_inbound: count, ..self },
            Direction::Outbound => Amount { streams_outbound: count, ..self },
        }
    }

    /// The same with `count` connections of one direction.
    #[must_use]
    pub const fn with_connections(self, direction: Direction, count: u32) -> Amount {
        match direction {
            Direction::Inbound => Amount { connections_inbound: count, ..self },
            Direction::Outbound => Amount { connections_outbound: count, ..self },
        }
    }

    /// The same with `count` file descriptors.
    #[must_use]
    pub const fn with_file_descriptors(self, count: u32) -> Amount {
        Amount { file_descriptors: count, ..self }
    }

    /// The same with `count` tasks of one class.
    #[must_use]
    pub const fn with_tasks(self, class: TaskClass, count: u32) -> Amount {
        match class {
            TaskClass::High => Amount { tasks_high: count, ..self },
            TaskClass::Medium => Amount { tasks_medium: count, ..self },
            TaskClass::Low => Amount { tasks_low: count, ..self },
        }
    }

    /// Whether there is nothing of anything.
    #[inline]
    pub fn is_zero(&self) -> bool {
        *self == Amount::ZERO
    }

    /// How much of one resource this is, totals included.
    pub const fn get(&self, resource: Resource) -> u64 {
        match resource {
            Resource::Memory => self.memory,
            Resource::StreamsInbound => self.streams_inbound as u64,
            Resource::StreamsOutbound => self.streams_outbound as u64,
            Resource::Streams => self.streams_inbound as u64 + self.streams_outbound as u64,
            Resource::ConnectionsInbound => self.connections_inbound as u64,
            Resource::ConnectionsOutbound => self.connections_outbound as u64,
            Resource::Connections => {
                self.connections_inbound as u64 + self.connections_outbound as u64
            }
            Resource::FileDescriptors => self.file_descriptors as u64,
            Resource::Tasks => {
                self.tasks_high as u64 + self.tasks_medium as u64 + self.tasks_low as u64
            }
            Resource::TasksHigh => self.tasks_high as u64,
            Resource::TasksMedium => self.tasks_medium as u64,
            Resource::TasksLow => self.tasks_low as u64,
        }
    }

    /// The sum, field by field; `None` where a field would overflow.
    pub fn checked_add(self, other: Amount) -> Option<Amount> {
        self.zip(other, u64::checked_add, u32::checked_add)
    }

    /// The difference, field by field; `None` where a field would go below zero.
    pub fn checked_sub(self, other: Amount) -> Option<Amount> {
        self.zip(other, u64::checked_sub, u32::checked_sub)
    }

    fn zip(
        self,
        other: Amount,
        wide: impl Fn(u64, u64) -> Option<u64>,
        narrow: impl Fn(u32, u32) -> Option<u32>,
    ) -> Option<Amount> {
        Some(Amount {
            memory: wide(self.memory, other.memory)?,
            streams_inbound: narrow(self.streams_inbound, other.streams_inbound)?,
            streams_outbound: narrow(self.streams_outbound, other.streams_outbound)?,
            connections_inbound: narrow(self.connections_inbound, other.connections_inbound)?,
            connections_outbound: narrow(self.connections_outbound, other.connections_outbound)?,
            file_descriptors: narrow(self.file_descriptors, other.file_descriptors)?,
            tasks_high: narrow(self.tasks_high, other.tasks_high)?,
            tasks_medium: narrow(self.tasks_medium, other.tasks_medium)?,
            tasks_low: narrow(self.tasks_low, other.tasks_low)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threshold_is_exact_for_every_limit() {
        let limits = [0, 1, 255, 256, 257, 1 << 20, (1 << 60) - 1, u64::MAX - 1, u64::MAX];
        for limit in limits {
            for priority in 0..=255u8 {
                let exact = u128::from(limit) * (u128::from(priority) + 1) / 256;
                assert_eq!(u128::from(Priority(priority).threshold(limit)), exact);
            }
        }
        assert_eq!(Priority::default().threshold(u64::MAX), u64::MAX);
    }

    #[test]
    fn builders_set_their_own_field_only() {
        let amount = Amount::ZERO
            .with_memory(1)
            .with_streams(Direction::Inbound, 2)
            .with_streams(Direction::Outbound, 3)
            .with_connections(Direction::Inbound, 4)
            .with_connections(Direction::Outbound, 5)
            .with_file_descriptors(6)
            .with_tasks(TaskClass::High, 7)
            .with_tasks(TaskClass::Medium, 8)
            .with_tasks(TaskClass::Low, 9);
        let got = Resource::ALL.map(|resource| amount.get(resource));
        assert_eq!(got, [1, 2, 3, 5, 4, 5, 9, 6, 24, 7, 8, 9]);
    }

    #[test]
    fn sums_and_differences_are_checked_in_every_field() {
        let one = Amount::memory(1).with_tasks(TaskClass::Low, 1);
        assert_eq!(one.checked_add(one).and_then(|two| two.checked_sub(one)), Some(one));
        assert_eq!(Amount::memory(u64::MAX).checked_add(one), None);
        assert_eq!(Amount::tasks(TaskClass::Low, u32::MAX).checked_add(one), None);
        assert_eq!(Amount::memory(5).checked_sub(one), None);
    }
}
