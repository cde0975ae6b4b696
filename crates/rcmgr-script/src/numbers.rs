//! The numbers in scripts: sizes, directions and amounts.

use core::fmt;

use rcmgr_core::{Amount, Direction};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::{Serialize, ser::Serializer};

/// A number of bytes. go-libp2p's are signed, and scripts say so; it cannot be asked for a
/// negative one here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(i128);

impl Size {
    /// The bytes; `None` if there are less than none.
    pub fn bytes(self) -> Option<u64> {
        // Only numbers from -2^63 to 2^64-1 are made.
        u64::try_from(self.0).ok()
    }
}

impl From<u64> for Size {
    fn from(bytes: u64) -> Size {
        Size(bytes.into())
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Size, D::Error> {
        struct Number;

        impl Visitor<'_> for Number {
            type Value = Size;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number from -2^63 to 2^64-1")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Size, E> {
                Ok(Size(number.into()))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Size, E> {
                Ok(Size(number.into()))
            }
        }

        from.deserialize_any(Number)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match (self.bytes(), i64::try_from(self.0)) {
            (Some(bytes), _) => to.serialize_u64(bytes),
            (None, Ok(negative)) => to.serialize_i64(negative),
            (None, Err(_)) => to.serialize_i128(self.0),
        }
    }
}

/// Who opens a connection or a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dir {
    /// The remote party.
    In,
    /// This node.
    Out,
}

impl From<Dir> for Direction {
    fn from(dir: Dir) -> Direction {
        match dir {
            Dir::In => Direction::Inbound,
            Dir::Out => Direction::Outbound,
        }
    }
}

impl From<Direction> for Dir {
    fn from(direction: Direction) -> Dir {
        match direction {
            Direction::Inbound => Dir::In,
            Direction::Outbound => Dir::Out,
        }
    }
}

/// So much of each resource; what is absent is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "the fields are those of `rcmgr_core::Amount`")]
pub struct Much {
    #[serde(skip_serializing_if = "is_zero")]
    pub memory: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub streams_in: u32,
    #[serde(skip_serializing_if = "is_zero")]
    pub streams_out: u32,
    #[serde(skip_serializing_if = "is_zero")]
    pub conns_in: u32,
    #[serde(skip_serializing_if = "is_zero")]
    pub conns_out: u32,
    #[serde(skip_serializing_if = "is_zero")]
    pub fd: u32,
    #[serde(skip_serializing_if = "is_zero")]
    pub tasks_high: u32,
    #[serde(skip_serializing_if = "is_zero")]
    pub tasks_medium: u32,
    #[serde(skip_serializing_if = "is_zero")]
    pub tasks_low: u32,
}

fn is_zero<N: Default + PartialEq>(number: &N) -> bool {
    *number == N::default()
}

impl From<Much> for Amount {
    fn from(much: Much) -> Amount {
        Amount {
            memory: much.memory,
            streams_inbound: much.streams_in,
            streams_outbound: much.streams_out,
            connections_inbound: much.conns_in,
            connections_outbound: much.conns_out,
            file_descriptors: much.fd,
            tasks_high: much.tasks_high,
            tasks_medium: much.tasks_medium,
            tasks_low: much.tasks_low,
        }
    }
}

impl From<Amount> for Much {
    fn from(amount: Amount) -> Much {
        Much {
            memory: amount.memory,
            streams_in: amount.streams_inbound,
            streams_out: amount.streams_outbound,
            conns_in: amount.connections_inbound,
            conns_out: amount.connections_outbound,
            fd: amount.file_descriptors,
            tasks_high: amount.tasks_high,
            tasks_medium: amount.tasks_medium,
            tasks_low: amount.tasks_low,
        }
    }
}
