//! Weighted max-min fairness: who gets how much if not all can have what they were promised.

/// What one of several has a claim to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// What it gets before others get more than theirs.
    pub floor: u32,
    /// What it gets at most; not less than its floor.
    pub most: u32,
    /// How fast it is filled, 1 to 1000.
    pub weight: u16,
}

/// Steps of the water level in one connection for one unit of weight. Two filled parts of a
/// connection differ by at least `1 / (1000 * 1000)`, so within one step only equal ones lie.
const STEPS: u64 = 1_000_000;

/// Shares out `budget`: each gets its weight times the same level, though never more than its
/// most, nor less than its floor. All of the budget is given out, unless all have their most; what
/// whole connections leave over goes to the first of those that come next. If the floors alone do
/// not fit, they are shared out like that themselves.
///
/// Nobody gets less from a greater budget. Takes time in proportion to the number of claims.
pub(crate) fn fill(claims: &[Claim], budget: u32) -> Vec<u32> {
    let total = |parts: &mut dyn Iterator<Item = u32>| parts.map(u64::from).sum::<u64>();
    let budget = u64::from(budget);
    let floors_fit = total(&mut claims.iter().map(|claim| claim.floor)) <= budget;
    let part = |claim: &Claim, level: u64| {
        let filled = u64::from(claim.weight) * level / STEPS;
        let filled = u32::try_from(filled).unwrap_or(u32::MAX);
        if floors_fit { filled.max(claim.floor).min(claim.most) } else { filled.min(claim.floor) }
    };
    let filled = |level| total(&mut claims.iter().map(|claim| part(claim, level)));

    // At the highest level even the least weight has everything; times a weight it still fits.
    let (mut fits, mut beyond) = (0, STEPS * u64::from(u32::MAX) + 1);
    while beyond - fits > 1 {
        let middle = fits + (beyond - fits) / 2;
        if filled(middle) <= budget { fits = middle } else { beyond = middle }
    }
    let mut left = budget - filled(fits);
    let rounded_up = |claim| {
        let part_of_it = part(claim, fits);
        // A step adds one connection at most.
        let more = left > 0 && part(claim, fits + 1) > part_of_it;
        left -= u64::from(more);
        part_of_it + u32::from(more)
    };
    claims.iter().map(rounded_up).collect()
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;

    use proptest::prelude::*;

    use super::*;

    fn claim(floor: u32, most: u32, weight: u16) -> Claim {
        Claim { floor, most, weight }
    }

    /// One connection after the other, each to whom it leaves least filled.
    fn one_by_one(claims: &[Claim], budget: u32) -> Vec<u32> {
        let floors: u32 = claims.iter().map(|claim| claim.floor).sum();
        let fit = floors <= budget;
        let start = |claim: &Claim| if fit { claim.floor } else { 0 };
        let most = |claim: &Claim| if fit { claim.most } else { claim.floor };
        let mut parts: Vec<_> = claims.iter().map(start).collect();
        for _ in parts.iter().sum::<u32>()..budget {
            let open = (0..claims.len()).filter(|at| parts[*at] < most(&claims[*at]));
            let next = open.max_by(|one, other| {
                // The least (part + 1) / weight, the first of equals.
                let cross = |at: usize, by: usize| (parts[at] + 1) * u32::from(claims[by].weight);
                let key = (Reverse(cross(*one, *other)), Reverse(*one));
                key.cmp(&(Reverse(cross(*other, *one)), Reverse(*other)))
            });
            match next {
                Some(next) => parts[next] += 1,
                None => break,
            }
        }
        parts
    }

    #[test]
    fn weights_decide_between_floor_and_most() {
        let claims = [claim(0, 100, 100), claim(0, 100, 300), claim(0, 10, 100)];
        assert_eq!(fill(&claims, 80), [17, 53, 10]);
        assert_eq!(fill(&claims, 210), [100, 100, 10]);
        assert_eq!(fill(&claims, u32::MAX), [100, 100, 10]);
        assert_eq!(fill(&[claim(30, 100, 1), claim(0, 100, 1000)], 100), [30, 70]);
        assert_eq!(fill(&[], 5), [0; 0]);
    }

    #[test]
    fn floors_that_do_not_fit_are_shared_out_by_weight() {
        let claims = [claim(40, 90, 100), claim(40, 90, 300), claim(0, 90, 100)];
        assert_eq!(fill(&claims, 80), [40, 40, 0]);
        assert_eq!(fill(&claims, 40), [10, 30, 0]);
        assert_eq!(fill(&claims, 0), [0, 0, 0]);
    }

    #[test]
    fn the_widest_numbers_do_not_overflow() {
        let claims = [claim(0, u32::MAX, 1000); 64];
        let parts = fill(&claims, u32::MAX);
        assert_eq!(parts.iter().map(|part| u64::from(*part)).sum::<u64>(), u64::from(u32::MAX));
        assert_eq!(fill(&[claim(u32::MAX, u32::MAX, 1); 2], u32::MAX), [1 << 31, (1 << 31) - 1]);
        assert_eq!(fill(&[claim(0, u32::MAX, 1)], u32::MAX), [u32::MAX]);
    }

    prop_compose! {
        fn any_claim()(floor in 0u32..30, more in 0u32..60, weight in prop_oneof![1u16..=4, 1u16..=1000]) -> Claim {
            claim(floor, floor + more, weight)
        }
    }

    proptest! {
        #[test]
        fn filling_is_the_same_as_giving_one_by_one(
            claims in prop::collection::vec(any_claim(), 0..9),
            budget in 0u32..400,
        ) {
            prop_assert_eq!(fill(&claims, budget), one_by_one(&claims, budget));
        }

        #[test]
        fn nobody_gets_less_from_a_greater_budget(
            claims in prop::collection::vec(any_claim(), 0..64),
            budget in 0u32..4000,
        ) {
            let parts = fill(&claims, budget);
            let more = fill(&claims, budget + 1);
            prop_assert!(parts.iter().zip(&more).all(|(part, more)| part <= more));
            let most: u32 = claims.iter().map(|claim| claim.most).sum();
            prop_assert_eq!(parts.iter().sum::<u32>(), budget.min(most));
        }
    }
}
