//! Where the engine wants to be, and where it is. An aim is a ratio within one run, or a count; none
//! is a time.

use crate::results::{FLOOR, PEER, Results};
use crate::{Peers, Scenario, Setup, one_word};

const NAMES: &str = "rcmgr";
const HANDLES: &str = "rcmgr, by handles";
const VISITED: &str = "rcmgr, visited";
const GRANULES: &str = "rcmgr, granules of 64 KiB, ALWAYS";

/// One contender in one setup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Of {
    contender: &'static str,
    setup: Setup,
}

/// What is measured, and which way it is better.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// Our time, at most so many times that of another.
    Cost(Of),
    /// The time of another, at least so many times ours.
    Faster(Of),
    /// Our operations in a second of all threads, at least so many times those of another.
    Throughput(Of),
    /// Allocations of one operation, at most.
    Allocations,
    /// Bytes of one item, at most.
    Bytes,
    /// The rate of the thread that charges, at least so many times what it is alone.
    Undisturbed,
}

/// One of the aims.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aim {
    what: &'static str,
    ours: Of,
    kind: Kind,
    bound: f64,
}

/// An aim beside what was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What is done.
    pub what: &'static str,
    /// What is wanted of it.
    pub wanted: String,
    /// What we took; `None` if it was not measured.
    pub ours: Option<String>,
    /// What that is held against; `None` if it was not measured, or is the bound alone.
    pub against: Option<String>,
    /// What was got, as the number in what is wanted.
    pub got: Option<f64>,
    /// Whether that meets the aim.
    pub met: Option<bool>,
}

const fn alone(contender: &'static str, scenario: Scenario) -> Of {
    Of { contender, setup: Setup::alone(scenario) }
}

/// On two threads, each with its own stream of one peer.
const fn on_two(contender: &'static str, scenario: Scenario) -> Of {
    Of { contender, setup: Setup { threads: 2, peers: Peers::Shared, ..Setup::alone(scenario) } }
}

const fn aim(what: &'static str, ours: Of, kind: Kind, bound: f64) -> Aim {
    Aim { what, ours, kind, bound }
}

/// An aim against go-libp2p.
const fn peer(what: &'static str, ours: &'static str, scenario: Scenario, bound: f64) -> Aim {
    aim(what, alone(ours, scenario), Kind::Faster(alone(PEER, scenario)), bound)
}

const fn allocates(what: &'static str, ours: &'static str, scenario: Scenario, most: f64) -> Aim {
    aim(what, alone(ours, scenario), Kind::Allocations, most)
}

const fn takes(what: &'static str, scenario: Scenario, most: f64) -> Aim {
    aim(what, alone(NAMES, scenario), Kind::Bytes, most)
}

/// All aims.
pub const AIMS: [Aim; 34] = {
    use Kind::{Cost, Throughput, Undisturbed};
    use Scenario::*;
    let exact = alone(NAMES, ReserveService);
    let granules = alone(GRANULES, ReserveService);
    let floor = Cost(alone(FLOOR, ReserveService));
    let word = Cost(alone(one_word::CONTENDER.name, ReserveService));
    [
        aim("reserve in 7 scopes, exact", exact, floor, 1.25),
        peer("reserve in 7 scopes, exact", NAMES, ReserveService, 3.0),
        aim("reserve in 7 scopes, granules", granules, word, 2.5),
        peer("reserve in 7 scopes, granules", GRANULES, ReserveService, 12.0),
        aim("two threads, granules", on_two(GRANULES, ReserveService), Throughput(granules), 1.8),
        aim("two threads, exact", on_two(NAMES, ReserveService), Throughput(exact), 0.6),
        peer("stream of one peer, by names", NAMES, StreamOnePeer, 5.0),
        allocates("stream of one peer, by names", NAMES, StreamOnePeer, 1.0),
        peer("stream of one peer, by handles", HANDLES, StreamOnePeer, 8.0),
        allocates("stream of one peer, by handles", HANDLES, StreamOnePeer, 1.0),
        peer("stream, 10,000 warm peers, by names", NAMES, Stream10kPeers, 5.0),
        peer("stream, 10,000 warm peers, by handles", HANDLES, Stream10kPeers, 5.0),
        peer("stream, a new peer each time, by names", NAMES, StreamNewPeer, 8.0),
        peer("connection with its peer, by names", NAMES, Connection, 5.0),
        peer("connection with its peer, by handles", HANDLES, Connection, 5.0),
        peer("span: begin, reserve, end", NAMES, Span, 15.0),
        allocates("span: begin, reserve, end", NAMES, Span, 0.0),
        peer("reservation refused by the system", NAMES, RefusedSystem, 60.0),
        allocates("reservation refused by the system", NAMES, RefusedSystem, 0.0),
        aim("… against one that is admitted", alone(NAMES, RefusedSystem), Cost(exact), 1.0),
        peer("reservation refused by the stream", NAMES, RefusedOwn, 60.0),
        allocates("reservation refused by the stream", NAMES, RefusedOwn, 0.0),
        aim("… against one that is admitted", alone(NAMES, RefusedOwn), Cost(exact), 1.0),
        peer("stream refused by its peer", NAMES, RefusedStream, 30.0),
        allocates("stream refused by its peer", NAMES, RefusedStream, 0.0),
        aim(
            "… against one that lives",
            alone(NAMES, RefusedStream),
            Cost(alone(NAMES, StreamOnePeer)),
            1.0,
        ),
        peer("stats of 10,000 peers", NAMES, Stats10k, 5.0),
        peer("… by a visit", VISITED, Stats10k, 5.0),
        aim("charging beside these stats", alone(NAMES, Stats10k), Undisturbed, 0.9),
        takes("stream", BytesStream, 96.0),
        takes("connection", BytesConnection, 96.0),
        takes("span", BytesSpan, 64.0),
        takes("stream with a peer of its own", BytesPeerStream, 448.0),
        aim(
            "stream among 1,000,000 peers, against 1,000",
            alone(NAMES, Stream1mPeers),
            Cost(alone(NAMES, Stream1kPeers)),
            2.0,
        ),
    ]
};

impl Aim {
    /// Whose work it is about.
    pub const fn contender(&self) -> &'static str {
        self.ours.contender
    }

    /// Which scenario it is about.
    pub const fn scenario(&self) -> Scenario {
        self.ours.setup.scenario
    }

    /// Holds the aim against what was measured.
    pub fn hold_against(&self, results: &Results) -> Outcome {
        let ns = |of: Of| results.ns(of.contender, of.setup);
        let time = |ns: f64| match ns {
            1e6.. => format!("{} ms", short(ns / 1e6)),
            _ => format!("{} ns", short(ns)),
        };
        let ours = results.of(self.ours.contender, self.ours.setup);
        let bound = self.bound;
        let (wanted, ours, against, got) = match self.kind {
            Kind::Cost(to) => {
                let wanted = format!("at most {bound} times {}", self.called(to));
                let got = ns(self.ours).zip(ns(to)).map(|(ours, theirs)| ours / theirs);
                (wanted, ns(self.ours).map(time), ns(to).map(time), got)
            }
            Kind::Faster(to) => {
                let wanted = format!("{bound} times as fast as {}", self.called(to));
                let got = ns(self.ours).zip(ns(to)).map(|(ours, theirs)| theirs / ours);
                (wanted, ns(self.ours).map(time), ns(to).map(time), got)
            }
            Kind::Throughput(to) => {
                let wanted = format!("at least {bound} times the throughput of one thread");
                let rate = |of: Of| ns(of).map(|ns| of.setup.threads as f64 * 1e3 / ns);
                let got = rate(self.ours).zip(rate(to)).map(|(ours, theirs)| ours / theirs);
                let millions = |rate: f64| format!("{} million/s", short(rate));
                (wanted, rate(self.ours).map(millions), rate(to).map(millions), got)
            }
            Kind::Allocations => {
                let got = ours.and_then(|ours| ours.allocations).map(|of| of.count);
                (format!("at most {bound} allocations"), got.map(short), None, got)
            }
            Kind::Bytes => {
                let got = ours.and_then(|ours| ours.bytes);
                (format!("at most {bound} bytes"), got.map(short), None, got)
            }
            Kind::Undisturbed => {
                let wanted = format!("at least {bound} of its rate alone");
                let charging = ours.and_then(|ours| ours.charging);
                let millions = |rate: f64| format!("{} million/s", short(rate / 1e6));
                let [alone, beside] =
                    [0, 1].map(|at| charging.map(|charging| millions(charging[at].rate)));
                let got = charging.map(|[alone, beside]| beside.rate / alone.rate);
                (wanted, beside, alone, got)
            }
        };
        let at_most = matches!(self.kind, Kind::Cost(_) | Kind::Allocations | Kind::Bytes);
        let met = got.map(|got| if at_most { got <= self.bound } else { got >= self.bound });
        Outcome { what: self.what, wanted, ours, against, got, met }
    }

    /// What another is called in what is wanted.
    fn called(&self, to: Of) -> &'static str {
        if to.contender == self.ours.contender { "it" } else { to.contender }
    }
}

/// A number as tables have it: three digits that count, and no more after the point than two.
pub fn short(number: f64) -> String {
    let rounded = match number.abs() {
        size if size >= 99.95 => format!("{number:.0}"),
        size if size >= 9.995 => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    };
    match rounded.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|digit| digit == b'0') => whole.to_owned(),
        _ => rounded,
    }
}
