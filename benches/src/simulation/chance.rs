//! Chance that comes out alike each time: a seed gives always the same numbers.

use std::time::Duration;

/// A row of random numbers that follows from its seed. SplitMix64 by Steele, Lea and Flood.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The row of a seed.
    pub const fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    /// A row of its own, whose numbers do not depend on how many others were drawn after it.
    pub fn apart(&mut self) -> Chance {
        Chance(self.number())
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.number()) * u128::from(bound)) >> 64) as u64
    }

    /// A number from 0 up to but not 1.
    pub fn part(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Whether something happens that does so in `percent` of all cases.
    pub fn happens(&mut self, percent: u32) -> bool {
        self.below(100) < percent.into()
    }

    /// The time until what happens by itself, at any time alike, once in `mean`.
    pub fn wait(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(-(1.0 - self.part()).ln())
    }

    /// A number of the normal distribution, by Box and Muller.
    pub fn normal(&mut self) -> f64 {
        let (radius, angle) = (1.0 - self.part(), self.part());
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_always_the_same_numbers() {
        let mut one = Chance::new(7);
        let mut other = Chance::new(7);
        assert!((0..100).all(|_| one.number() == other.number()));
        assert_ne!(Chance::new(8).number(), Chance::new(7).number());
    }

    #[test]
    fn waits_and_normal_numbers_have_the_means_they_are_to_have() {
        let mut chance = Chance::new(1);
        let mean = Duration::from_secs(60);
        let sum: Duration = (0..20_000).map(|_| chance.wait(mean)).sum();
        assert!((58..62).contains(&(sum / 20_000).as_secs()));
        let sum: f64 = (0..20_000).map(|_| chance.normal()).sum();
        assert!((sum / 20_000.0).abs() < 0.03);
        assert!((0..1000).all(|_| chance.below(3) < 3));
    }
}
