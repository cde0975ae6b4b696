//! A bound on how many there are in all, which many shards keep together without writing one
//! counter each time: a shard takes room for a few at once, and gives back what it has too much.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crossbeam_utils::CachePadded;

use crate::{Bounds, Full};

/// The most that a shard takes at once.
const MOST_AT_ONCE: usize = 32;

/// Room for what is bounded in number.
///
/// The sum of what is left here, what the shards hold in reserve and what there is, is the bound
/// at all times. Relaxed, since the count guards nothing but itself.
#[derive(Debug)]
pub(crate) struct Room {
    what: &'static str,
    most: usize,
    at_once: usize,
    left: CachePadded<AtomicUsize>,
}

impl Room {
    /// A small bound is shared out one by one, so that no shard holds what another one lacks.
    pub fn new(what: &'static str, most: usize, shards: usize) -> Room {
        let at_once = (most / (8 * shards)).clamp(1, MOST_AT_ONCE);
        Room { what, most, at_once, left: CachePadded::new(AtomicUsize::new(most)) }
    }

    /// Whether a shard has room for one more, if need be after it took some.
    #[inline]
    pub fn refill(&self, reserve: &mut usize) -> bool {
        if *reserve == 0 {
            *reserve = self.take_some();
        }
        *reserve > 0
    }

    #[cold]
    fn take_some(&self) -> usize {
        let some = |left: usize| (left > 0).then(|| left - self.at_once.min(left));
        let left = self.left.fetch_update(Relaxed, Relaxed, some).unwrap_or(0);
        left.min(self.at_once)
    }

    /// Takes room for one.
    #[inline]
    pub fn take(&self, reserve: &mut usize) -> Result<(), Full> {
        if !self.refill(reserve) {
            return Err(Full { what: self.what, most: self.most });
        }
        *reserve -= 1;
        Ok(())
    }

    /// Gives back the room of one.
    #[inline]
    pub fn give(&self, reserve: &mut usize) {
        *reserve += 1;
        if *reserve >= 2 * self.at_once {
            *reserve -= self.at_once;
            self.left.fetch_add(self.at_once, Relaxed);
        }
    }

    /// Gives back all that a shard holds in reserve.
    pub fn give_all(&self, reserve: &mut usize) {
        self.left.fetch_add(std::mem::take(reserve), Relaxed);
    }
}

/// What is bounded over all shards together.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bounded {
    Connections,
    Temporary,
    Protections,
}

/// What a shard holds in reserve, by kind.
pub(crate) type Reserves = [usize; 3];

/// The room for each kind.
#[derive(Debug)]
pub(crate) struct Rooms([Room; 3]);

impl Rooms {
    pub fn new(bounds: &Bounds, shards: usize) -> Rooms {
        Rooms([
            Room::new("connections", bounds.connections, shards),
            Room::new("peers without a connection", bounds.temporary_peers, shards),
            Room::new("protections", bounds.protections, shards),
        ])
    }

    pub fn refill(&self, kind: Bounded, reserves: &mut Reserves) -> bool {
        self.0[kind as usize].refill(&mut reserves[kind as usize])
    }

    pub fn take(&self, kind: Bounded, reserves: &mut Reserves) -> Result<(), Full> {
        self.0[kind as usize].take(&mut reserves[kind as usize])
    }

    pub fn give(&self, kind: Bounded, reserves: &mut Reserves) {
        self.0[kind as usize].give(&mut reserves[kind as usize]);
    }

    pub fn give_all(&self, kind: Bounded, reserves: &mut Reserves) {
        self.0[kind as usize].give_all(&mut reserves[kind as usize]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_shard_holds_in_reserve_another_one_has_once_it_is_given_back() {
        let room = Room::new("things", 20, 1);
        let (mut one, mut other) = (0, 0);
        assert!((0..20).all(|_| room.take(&mut one).is_ok()));
        assert_eq!(room.take(&mut other), Err(Full { what: "things", most: 20 }));
        room.give(&mut one);
        assert!(room.take(&mut other).is_err(), "it is held in reserve");
        room.give_all(&mut one);
        assert!(room.take(&mut other).is_ok());
        assert!(room.take(&mut other).is_err());
    }

    #[test]
    fn a_shard_keeps_less_than_twice_what_it_takes_at_once() {
        let room = Room::new("things", 1 << 20, 256);
        let mut reserve = 0;
        for _ in 0..1000 {
            room.take(&mut reserve).unwrap();
        }
        for _ in 0..1000 {
            room.give(&mut reserve);
            assert!(reserve < 2 * MOST_AT_ONCE);
        }
        room.give_all(&mut reserve);
        assert_eq!(room.left.load(Relaxed), 1 << 20);
    }

    #[test]
    fn a_bound_of_none_leaves_room_for_none() {
        assert!(Room::new("things", 0, 256).take(&mut 0).is_err());
    }
}
