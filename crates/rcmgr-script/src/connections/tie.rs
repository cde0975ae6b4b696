//! The blocks of a trim: peers that are equal by all that go-libp2p compares, and what is closed
//! of the last one, where it had to choose.

use std::collections::BTreeSet;

use rcmgr_connmgr::{
    Peer, TrimReport,
    trim::{Idle, Kind, Order, Ranked},
};

use super::{
    Runner, Ties, Trim,
    state::{millis, text},
};

impl Runner {
    /// Closes what a trim decided, and what is left of the peers among which it had to choose.
    ///
    /// `ranked` are those that it could take, in its order, before it was made.
    pub(super) fn settle(&mut self, report: &TrimReport, ranked: &[Ranked]) -> Trim {
        let (kind, order) = match report.kind {
            Kind::Open => ("open", Order::Regular),
            Kind::Forced => ("force", Order::Forced),
            Kind::Background => ("background", Order::Regular),
        };
        let why = report.idle.map(|idle| match idle {
            Idle::Disabled => "disabled",
            Idle::BelowLow => "below_low",
            Idle::TooFewCandidates => "too_few_candidates",
            _ => "other",
        });
        let mut trim = Trim {
            kind: kind.into(),
            at: millis(report.at),
            why: why.map(str::to_owned),
            pruned: report.dropped.iter().map(text).collect(),
            ..Trim::default()
        };
        trim.pruned.sort_unstable();
        let closing: BTreeSet<&Peer> = report.close.iter().map(|close| &close.peer).collect();
        let taken = closing.len() + report.dropped.len();
        let (begin, end) = last_block(ranked, order, taken);
        let group = &ranked[begin..end];
        let target = connections(ranked).saturating_sub(self.manager.info().low);
        let need = target.saturating_sub(connections(&ranked[..begin]));
        // It had to choose, if one peer fewer than all of the block could have been enough.
        let least = group.iter().map(|one| u64::from(one.row.connections)).min().unwrap_or(0);
        let choice = least > 0 && connections(group) - least >= need;
        let whole = &ranked[..if choice { begin } else { end }];
        let going: Vec<&Ranked> = whole.iter().filter(|one| one.row.connections > 0).collect();
        for block in going.chunk_by(|one, other| order.by_worth(&one.row, &other.row).is_eq()) {
            trim.closed.push(self.close_all(block.iter().copied()));
        }
        if choice {
            let peers = group.iter().map(|one| (text(&one.peer), one.row.connections.into()));
            let peers = peers.collect();
            let chosen = ranked[begin..taken].iter().map(|one| text(&one.peer)).collect();
            let conns = self.close_all(group);
            trim.ties = Some(Ties { need, peers, conns, chosen });
        }
        trim
    }

    /// Closes all connections of these peers, and gives their names in order.
    fn close_all<'a>(&mut self, peers: impl IntoIterator<Item = &'a Ranked>) -> Vec<String> {
        let mut closed = Vec::new();
        for one in peers {
            let Some(info) = self.manager.tag_info(&one.peer) else { continue };
            for connection in info.connections {
                self.manager.connection_closed(&one.peer, connection.id);
                closed.push(self.names[connection.id.0 as usize].clone());
            }
        }
        closed.sort_unstable();
        closed
    }
}

fn connections(ranked: &[Ranked]) -> u64 {
    ranked.iter().map(|one| u64::from(one.row.connections)).sum()
}

/// Where the last block begins and ends of which a trim took a peer, when it took the first
/// `taken` of `ranked`.
fn last_block(ranked: &[Ranked], order: Order, taken: usize) -> (usize, usize) {
    let Some(last) = taken.checked_sub(1).and_then(|last| ranked.get(last)) else {
        return (0, 0);
    };
    let equal = |one: &&Ranked| order.by_worth(&one.row, &last.row).is_eq();
    let before = ranked[..taken].iter().rev().take_while(equal).count();
    let after = ranked[taken..].iter().take_while(equal).count();
    (taken - before, taken + after)
}
