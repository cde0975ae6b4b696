//! Which rows share a network, and what that costs them.

use super::{
    candidate::Candidate,
    order::{Rank, mix},
    plan::Plan,
};

/// The networks of all rows, numbered in an order that only the seed decides.
pub(super) struct Networks {
    /// The network of each row.
    of: Vec<u32>,
    /// How many there are.
    count: usize,
    /// What each row pays for better ones of its network.
    crowding: Vec<u16>,
}

impl Networks {
    /// Groups rows, and lowers the ranks of those whose networks are crowded.
    ///
    /// Rows that cannot go come before the others of their network: they stay beside whoever does.
    pub fn new(rows: &[Candidate], ranks: &mut [Rank], plan: &Plan) -> Networks {
        let mut grouped: Vec<u64> = rows
            .iter()
            .zip(0_u64..)
            .map(|(row, at)| u64::from(mix(row.network, plan.seed)) << 32 | at)
            .collect();
        grouped.sort_unstable();
        let crowding = plan.policy.crowding;
        let free = crowding.free_of(rows.len() as u32);
        let mut of = vec![0; rows.len()];
        let mut costs = vec![0; rows.len()];
        let mut count = 0;
        let mut crowd = Vec::new();
        for group in grouped.chunk_by(|one, other| one >> 32 == other >> 32) {
            let indices = group.iter().map(|entry| *entry as u32 as usize);
            indices.clone().for_each(|at| of[at] = count);
            count += 1;
            if group.len() > free as usize {
                crowd.clear();
                crowd.extend(indices.filter(|at| rows[*at].may_go()).map(|at| ranks[at]));
                let stay = group.len() - crowd.len();
                crowd.sort_unstable_by(|one, other| other.cmp(one));
                for (rank, place) in crowd.iter().zip(stay as u32 + 1..) {
                    let cost = crowding.cost(place, free);
                    costs[rank.index()] = cost;
                    ranks[rank.index()] = rank.lowered(cost);
                }
            }
        }
        Networks { of, count: count as usize, crowding: costs }
    }

    /// The network of a row.
    pub fn of(&self, at: usize) -> usize {
        self.of[at] as usize
    }

    /// How many networks there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// What a row pays.
    pub fn crowding(&self, at: usize) -> u16 {
        self.crowding[at]
    }
}
