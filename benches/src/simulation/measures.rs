//! What is counted of a world, whoever manages its connections.

use std::time::Duration;

use super::kind::Kind;

/// What honest peers of a kind wanted, and got.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Served {
    /// The time of connections that were useful, in hours. An exchange stands for the time since the
    /// one before it of the same session: so a connection that is used once in five minutes is
    /// useful for as long as one that is used each second.
    pub useful: f64,
    /// The part of it whose exchange found the connection open.
    pub kept: f64,
    /// Exchanges.
    pub exchanges: u64,
    /// Those that found the connection open.
    pub served: u64,
    /// Bytes that were to be exchanged.
    pub bytes: u64,
    /// Those that were.
    pub carried: u64,
    /// Sessions with at least one exchange.
    pub sessions: u64,
    /// Connections that were opened again, in a session that had one.
    pub reopened: u64,
    /// Connections that were closed before the last exchange of their session.
    pub cut: u64,
}

impl Served {
    /// The two together.
    #[must_use]
    pub fn and(self, other: Served) -> Served {
        Served {
            useful: self.useful + other.useful,
            kept: self.kept + other.kept,
            exchanges: self.exchanges + other.exchanges,
            served: self.served + other.served,
            bytes: self.bytes + other.bytes,
            carried: self.carried + other.carried,
            sessions: self.sessions + other.sessions,
            reopened: self.reopened + other.reopened,
            cut: self.cut + other.cut,
        }
    }

    /// Notes an exchange, which came `after` the one before it.
    pub fn exchange(&mut self, after: Duration, bytes: u64, served: bool) {
        let hours = after.as_secs_f64() / 3600.0;
        let yes = u64::from(served);
        self.useful += hours;
        self.kept += if served { hours } else { 0.0 };
        self.exchanges += 1;
        self.served += yes;
        self.bytes += bytes;
        self.carried += bytes * yes;
    }

    /// The share of the useful connections that was kept, by time.
    pub fn share_kept(&self) -> f64 {
        share(self.kept, self.useful)
    }

    /// The share of the bytes that was carried.
    pub fn share_carried(&self) -> f64 {
        share(self.carried as f64, self.bytes as f64)
    }

    /// The share of the exchanges that was served.
    pub fn share_served(&self) -> f64 {
        share(self.served as f64, self.exchanges as f64)
    }
}

/// How it stands at a moment; summed over many.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Standing {
    /// How many looks are in the sums.
    pub looks: f64,
    /// Open connections.
    pub live: f64,
    /// Those of attackers.
    pub attackers: f64,
    /// Honest ones that this node opened.
    pub outbound: f64,
    /// Honest ones that this node would have opened were there room for all.
    pub outbound_wanted: f64,
    /// Networks, counted as if all had as many connections: the inverse of the chance that two
    /// connections are of the same.
    pub networks: f64,
}

impl Standing {
    /// The share of attackers among open connections.
    pub fn share_of_attackers(&self) -> f64 {
        share(self.attackers, self.live)
    }

    /// The share of the outbound connections to honest peers that is left.
    pub fn share_of_outbound(&self) -> f64 {
        share(self.outbound, self.outbound_wanted)
    }

    /// How many there were, of a sum.
    pub fn mean(&self, sum: f64) -> f64 {
        share(sum, self.looks)
    }
}

/// What came of a world.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// By kind, in the order of [`Kind::ALL`].
    pub kinds: [Served; Kind::ALL.len()],
    /// At the looks.
    pub standing: Standing,
    /// Connections that were opened, attackers' included, from the first second on.
    pub opened: u64,
    /// Those that this node closed by decision.
    pub decided: u64,
    /// Those that went by themselves.
    pub left: u64,
    /// Those that are open at the end.
    pub open: u64,
    /// Connections that the full node refused.
    pub refused: u64,
    /// The most that were open at a time.
    pub peak: u64,
}

impl Outcome {
    /// All kinds together.
    pub fn all(&self) -> Served {
        self.kinds.iter().fold(Served::default(), |sum, kind| sum.and(*kind))
    }

    /// All kinds whose connections last: all but passers-by.
    pub fn lasting(&self) -> Served {
        let lasting = Kind::ALL.iter().zip(&self.kinds).filter(|(kind, _)| **kind != Kind::Passer);
        lasting.fold(Served::default(), |sum, (_, kind)| sum.and(*kind))
    }

    /// How often a connection that was useful had to be opened again.
    pub fn churn(&self) -> f64 {
        let all = self.lasting();
        share(all.reopened as f64, all.sessions as f64)
    }
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_stands_for_the_time_since_the_one_before() {
        let mut served = Served::default();
        served.exchange(Duration::from_secs(1800), 10, true);
        served.exchange(Duration::from_secs(5400), 30, false);
        assert_eq!((served.useful, served.kept), (2.0, 0.5));
        assert_eq!((served.share_kept(), served.share_carried()), (0.25, 0.25));
        assert_eq!(served.share_served(), 0.5);
        assert_eq!(Served::default().share_kept(), 0.0);
    }
}
