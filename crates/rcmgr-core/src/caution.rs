//! How long leaves charge a scope exactly, after it has refused.
//!
//! What is kept here is a hint, that many threads write without waiting for each other: a lost update
//! makes caution end some charges sooner or later.

use crate::sync::SmallHint;

/// How many charges in a row have to find room before caution ends.
const CHARGES: u32 = 1024;

/// How many charges are left until caution ends; 0 for a scope that has not refused.
#[derive(Debug)]
pub struct Caution(SmallHint);

impl Caution {
    /// No caution until something is refused.
    pub fn new() -> Self {
        Caution(SmallHint::new())
    }

    /// Whether there is a reason for caution.
    #[inline(always)]
    pub fn is_due(&self) -> bool {
        self.0.get() != 0
    }

    /// Notes a refusal.
    pub fn refused(&self) {
        // Most refusals come in rows, and need not write the line anew.
        if self.0.get() != CHARGES {
            self.0.set(CHARGES);
        }
    }

    /// Notes that there was room.
    pub fn had_room(&self) {
        let left = self.0.get();
        if left != 0 {
            self.0.set(left - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caution_ends_when_many_in_a_row_had_room() {
        let caution = Caution::new();
        let many = |times| (0..times).for_each(|_| caution.had_room());
        assert!(!caution.is_due());
        caution.refused();
        many(CHARGES - 1);
        assert!(caution.is_due());
        caution.refused();
        many(CHARGES - 1);
        assert!(caution.is_due(), "the refusal has begun it anew");
        many(2);
        assert!(!caution.is_due());
    }
}
