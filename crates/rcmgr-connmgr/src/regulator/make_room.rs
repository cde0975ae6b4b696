//! Room for a connection that was refused: a worse one goes.

use std::{sync::TryLockError, time::Duration};

use super::{NoRoom, Regulator, Room, Wanted, rounds::Order, turns::Turn};
use crate::{
    Direction, Score,
    round::{Aim, Mode, Newcomer},
    trigger::{Cause, Causes},
};

impl Regulator {
    /// Has the connection go that is worth least of those that hold [what is short](Wanted::short),
    /// for one that the limits left no room for, if that is worth more by
    /// [`Policy::margin`](crate::round::Policy::margin): what its peer's tags say counts for it,
    /// and many connections from its network count against it. Once the connection that goes is
    /// told to be closed, try once more.
    ///
    /// Remotes can be refused as often as they like, and a round looks at all connections. So it
    /// looks once in [`Rules::room`](crate::trigger::Rules::room), less often for inbound ones
    /// without tags and where there are very many connections; and a network that was refused has
    /// to come with something better for a second.
    pub fn make_room(&self, now: Duration, wanted: Wanted<'_>) -> Room {
        let now = self.pass(now);
        let standing = wanted.peer.map(|peer| self.manager.standing(peer)).unwrap_or_default();
        let tally = match standing.protected {
            true => Score::BEST,
            false => self.voices.tally([], standing.tags),
        };
        let network = self.networks.of(wanted.network);
        let newcomer = Newcomer { tally, network, short: wanted.short };
        let outbound = wanted.direction == Direction::Outbound;
        let valued = outbound || standing.protected || standing.tags > 0;
        let turn = match self.round.try_lock() {
            Ok(turn) => turn,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return Room::None(NoRoom::TooOften(self.turns.after(now)));
            }
        };
        match self.turns.ask(now, newcomer, valued, self.table.live()) {
            Turn::AsBefore => return Room::None(NoRoom::NobodyWorthLess),
            Turn::At(at) => return Room::None(NoRoom::TooOften(at)),
            Turn::Now => {}
        }
        let causes = Causes::NONE.with(Cause::Denied);
        let (aim, mode) = (Aim::Room(1), Mode::Flux);
        let for_whom = Some(newcomer);
        let order = Order { aim, mode, newcomer: for_whom, causes, may_take_back: false };
        let report = self.make(&turn, now, order);
        drop(turn);
        self.wake.wake();
        match report.evictions.into_iter().next() {
            Some(eviction) => Room::Closing(eviction),
            None => {
                self.turns.refused(now, newcomer);
                Room::None(NoRoom::NobodyWorthLess)
            }
        }
    }
}
