//! What a connection is worth: the scores of its streams and the tags of its peer, weighed.

use crate::{
    Score,
    quota::{Slot, Slots},
};

/// How many slots there are.
const SLOTS: usize = 64;

/// How loud a protocol speaks in a tally.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Voice {
    /// Its weight; 100 is usual. At 0 it says nothing, though its streams count as a use of the
    /// connection.
    pub weight: u16,
    /// How many connections it uses.
    pub usage: u32,
    /// How many it may use; `u32::MAX` for any number.
    pub max: u32,
}

impl Default for Voice {
    /// The usual weight, and no discount.
    fn default() -> Voice {
        Voice { weight: 100, usage: 0, max: u32::MAX }
    }
}

impl Voice {
    /// A protocol that uses more than it may loses voice where it speaks for a connection, and
    /// keeps it where it speaks against one.
    fn discounted(self, said: Score) -> Score {
        if said <= Score::INDIFFERENT || self.usage <= self.max {
            return said;
        }
        Score::new(i64::from(said.get()) * i64::from(self.max) / i64::from(self.usage))
    }
}

/// What a stream says about its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vote {
    /// The protocol that the stream is attached to.
    pub slot: Slot,
    /// The protocol's score of the stream, as far as one is [known](super::CachedScore::get).
    pub score: Score,
    /// Whether it is enlisted in a burst that is open: then it says nothing against the connection.
    pub in_burst: bool,
}

impl Vote {
    /// What of it counts.
    pub(crate) fn counted(self) -> Score {
        if self.in_burst { self.score.max(Score::INDIFFERENT) } else { self.score }
    }
}

/// What one protocol, or the tags, have to do with a tally.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TallyPart {
    /// The protocol; `None`: the tags.
    pub slot: Option<Slot>,
    /// The best that any of its streams says.
    pub said: Score,
    /// What is left of it where the protocol uses more than it may.
    pub counted: Score,
    /// The weight of that in the mean.
    pub weight: u16,
}

/// What all protocols are worth that a tally hears; made once for a round.
///
/// The tally of a connection is the weighted mean of what is said for or against it, rounded
/// towards 0:
/// - each protocol says the best score among its streams on the connection: many idle streams do
///   not drown a good one, and many good ones say no more than one;
/// - a protocol that uses more connections than it may is heard less, see [`Voice`];
/// - the sum of the peer's tags, on the [scale](Voices::set_tag_point) and within the bounds of
///   scores, takes part as if it were a protocol's score. It takes part always, also at 0: a tag above
///   0 never lowers the tally, and what two protocols praise alike is worth more than what one does;
/// - a connection with no stream attached is worth what its tags say; if they do not speak for it,
///   so that nobody does, 200 less.
///
/// ```
/// use rcmgr_connmgr::{
///     Score,
///     quota::Slot,
///     scoring::{Voice, Voices, Vote},
/// };
///
/// let [dht, gossip] = [0, 1].map(|number| Slot::new(number).expect("below 64"));
/// let mut voices = Voices::default();
/// voices.set(gossip, Voice { weight: 300, usage: 40, max: 20 });
/// let vote = |slot, score| Vote { slot, score: Score::new(score), in_burst: false };
///
/// // (100 × −50 + 300 × 800 × 20/40 + 100 × 25) / (100 + 300 + 100)
/// assert_eq!(voices.tally([vote(dht, -50), vote(gossip, 800)], 25), Score::new(235));
/// assert_eq!(voices.tally([], 25), Score::new(25));
/// assert_eq!(voices.tally([], -25), Score::new(-225));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voices {
    protocols: [Voice; SLOTS],
    tags: u16,
    tag_point: u16,
}

impl Default for Voices {
    /// All of the usual weight, the tags too; a point of these is one of a score.
    fn default() -> Voices {
        Voices { protocols: [Voice::default(); SLOTS], tags: Voices::TAGS, tag_point: 1 }
    }
}

impl Voices {
    /// The usual weight of tags.
    pub const TAGS: u16 = 100;

    /// What a connection is worth less for which nobody speaks.
    const UNATTACHED: i64 = 200;

    /// Sets how loud a protocol speaks.
    pub fn set(&mut self, slot: Slot, voice: Voice) {
        self.protocols[slot.index()] = voice;
    }

    /// Sets the weight of tags; at 0 they say nothing, also where no stream is attached.
    pub fn set_tags_weight(&mut self, weight: u16) {
        self.tags = weight;
    }

    /// Sets how many points of a score a point of the sum of tags is.
    pub fn set_tag_point(&mut self, points: u16) {
        self.tag_point = points;
    }

    /// What a connection is worth, by its attached streams and the sum of its peer's tags.
    pub fn tally(&self, votes: impl IntoIterator<Item = Vote>, tags: i64) -> Score {
        self.tally_of(self.said(Best::of(votes).iter()), tags)
    }

    /// What attached protocols say, of each the best, to be made a tally where the tags are known.
    pub(crate) fn said(&self, best: impl IntoIterator<Item = (Slot, Score)>) -> Said {
        let mut said = Said::default();
        for part in best {
            said.is_attached = true;
            // At most 64 parts of 65,535 × 1000.
            said.add(self.protocol_part(part));
        }
        said
    }

    /// The tally of what streams said.
    pub(crate) fn tally_of(&self, mut said: Said, tags: i64) -> Score {
        let tags = self.tags_part(tags);
        if !said.is_attached {
            let tags = i64::from(tags.counted.get());
            let unattached = if tags > 0 { 0 } else { Voices::UNATTACHED };
            return Score::new(tags - unattached);
        }
        said.add(tags);
        if said.weights == 0 { Score::INDIFFERENT } else { Score::new(said.sum / said.weights) }
    }

    /// What a tally is made of: the attached protocols, by slot, then the tags.
    pub fn parts(&self, votes: impl IntoIterator<Item = Vote>, tags: i64) -> Vec<TallyPart> {
        self.heard(&Best::of(votes), tags).collect()
    }

    fn heard(&self, best: &Best, tags: i64) -> impl Iterator<Item = TallyPart> {
        best.iter().map(|part| self.protocol_part(part)).chain([self.tags_part(tags)])
    }

    fn protocol_part(&self, (slot, said): (Slot, Score)) -> TallyPart {
        let voice = self.protocols[slot.index()];
        let counted = voice.discounted(said);
        TallyPart { slot: Some(slot), said, counted, weight: voice.weight }
    }

    fn tags_part(&self, tags: i64) -> TallyPart {
        let said = Score::new(tags.saturating_mul(self.tag_point.into()));
        let counted = if self.tags == 0 { Score::INDIFFERENT } else { said };
        TallyPart { slot: None, said, counted, weight: self.tags }
    }
}

/// What attached streams say, weighed, without the tags.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Said {
    is_attached: bool,
    sum: i64,
    weights: i64,
}

impl Said {
    fn add(&mut self, part: TallyPart) {
        self.sum += i64::from(part.weight) * i64::from(part.counted.get());
        self.weights += i64::from(part.weight);
    }
}

/// The best that each protocol says.
pub(crate) struct Best {
    slots: Slots,
    said: [Score; SLOTS],
}

impl Best {
    pub fn of(votes: impl IntoIterator<Item = Vote>) -> Best {
        let mut best = Best { slots: Slots::EMPTY, said: [Score::WORST; SLOTS] };
        for vote in votes {
            let said = &mut best.said[vote.slot.index()];
            *said = vote.counted().max(*said);
            best.slots = best.slots.with(vote.slot);
        }
        best
    }

    /// What a protocol says; the worst where it says nothing.
    pub fn of_slot(&self, slot: Slot) -> Score {
        self.said[slot.index()]
    }

    /// The protocols that say something, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = (Slot, Score)> {
        self.slots.iter().map(|slot| (slot, self.of_slot(slot)))
    }
}

#[cfg(test)]
mod tests;
