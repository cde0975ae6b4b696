//! Residue, against its definition over all that ever happened.

use proptest::{collection::vec, prelude::*};

use super::*;

const KEEP: Duration = Duration::from_secs(40);
const SHARE: u32 = 60;

#[derive(Clone, Debug)]
enum Step {
    Begin {
        slot: u8,
        connections: u32,
        ttl: u64,
    },
    Connect,
    /// A stream that is in no burst.
    Open {
        connection: usize,
        stream: u64,
    },
    Enlist {
        burst: usize,
        connection: usize,
        stream: u64,
    },
    CloseStream {
        connection: usize,
        stream: u64,
    },
    Disconnect {
        connection: usize,
    },
    Promote {
        burst: usize,
        connection: usize,
    },
    End {
        burst: usize,
    },
    Wait {
        seconds: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let (burst, connection, stream) = (0..8usize, 0..8usize, 0..3u64);
    let on_stream = (connection.clone(), stream.clone());
    prop_oneof![
        2 => (0..3u8, 1..6u32, 1..=120u64)
            .prop_map(|(slot, connections, ttl)| Step::Begin { slot, connections, ttl }),
        3 => Just(Step::Connect),
        1 => on_stream.clone()
            .prop_map(|(connection, stream)| Step::Open { connection, stream }),
        8 => (burst.clone(), connection.clone(), stream)
            .prop_map(|(burst, connection, stream)| Step::Enlist { burst, connection, stream }),
        2 => on_stream
            .prop_map(|(connection, stream)| Step::CloseStream { connection, stream }),
        1 => connection.clone().prop_map(|connection| Step::Disconnect { connection }),
        1 => (burst.clone(), connection)
            .prop_map(|(burst, connection)| Step::Promote { burst, connection }),
        2 => burst.prop_map(|burst| Step::End { burst }),
        3 => (0..30u64).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

struct Began {
    id: BurstId,
    slot: Slot,
    began: Duration,
    allowance: u32,
    /// The how-manieth it was to end, and when.
    ended: Option<(u64, Duration)>,
}

struct Connection {
    id: ConnectionId,
    opened: Duration,
    /// Its open streams, with the burst that each was enlisted in last.
    streams: BTreeMap<StreamId, Option<BurstId>>,
    /// The bursts that it is in, or was when they ended.
    bursts: BTreeSet<BurstId>,
    /// Whether there was a time when it was in no open burst and could not be residue: then what
    /// streams it has is forgotten, and it may be taken for used.
    forgotten: bool,
}

/// All that ever happened.
#[derive(Default)]
struct History {
    bursts: Vec<Began>,
    connections: Vec<Connection>,
    connected: u64,
    ended: u64,
}

impl History {
    fn burst(&self, id: BurstId) -> &Began {
        self.bursts.iter().find(|burst| burst.id == id).unwrap()
    }

    fn is_open(&self, id: BurstId) -> bool {
        self.burst(id).ended.is_none()
    }

    /// Notes which bursts ended, in that order.
    fn end(&mut self, now: Duration, ended: impl IntoIterator<Item = EndedBurst>) {
        for EndedBurst { id, slot, connections } in ended {
            let within = self.connections.iter().filter(|it| it.bursts.contains(&id));
            assert_eq!(connections, within.map(|it| it.id).collect::<Vec<_>>());
            self.ended += 1;
            let burst = self.bursts.iter_mut().find(|burst| burst.id == id).unwrap();
            assert_eq!((burst.slot, burst.ended), (slot, None));
            burst.ended = Some((self.ended, now));
        }
    }

    /// The last ended burst that a connection was opened in, while that is remembered.
    fn left_by(&self, now: Duration, connection: &Connection) -> Option<u64> {
        let bursts = connection.bursts.iter().map(|id| self.burst(*id));
        let opened_in = bursts.filter(|burst| connection.opened >= burst.began);
        let ended = opened_in.filter_map(|burst| burst.ended);
        ended.filter(|(_, at)| *at + KEEP > now).map(|(number, _)| number).max()
    }

    fn residue(&self, now: Duration, connection: &Connection) -> Option<u16> {
        let unused = connection.streams.values().all(|it| it.is_some_and(|id| !self.is_open(id)));
        let waits = connection.bursts.iter().any(|id| self.is_open(*id));
        let number = self.left_by(now, connection)?;
        (unused && !waits).then(|| (self.ended - number) as u16)
    }

    fn note_forgotten(&mut self, now: Duration) {
        let forgotten = self.connections.iter().map(|it| {
            let waits = it.bursts.iter().any(|id| self.is_open(*id));
            !it.bursts.is_empty() && !waits && self.left_by(now, it).is_none()
        });
        let forgotten: Vec<bool> = forgotten.collect();
        for (connection, forgotten) in self.connections.iter_mut().zip(forgotten) {
            connection.forgotten |= forgotten;
        }
    }
}

/// Takes one of those there are.
fn one<T>(of: &mut [T], at: usize) -> Option<&mut T> {
    let from_the_last = of.len().checked_sub(1)?.checked_sub(at)?;
    of.get_mut(from_the_last)
}

fn take(bursts: &mut Bursts, history: &mut History, now: &mut Duration, step: Step) {
    match step {
        Step::Begin { slot: number, connections, ttl } => {
            let spec = BurstSpec { connections, ttl: seconds(ttl) };
            let room = BurstRoom { share: SHARE, live: history.connections.len() as u32 };
            let Ok(Burst { id, allowance, until }) = bursts.begin(*now, slot(number), spec, room)
            else {
                return;
            };
            assert_eq!(until, *now + spec.ttl);
            let slot = slot(number);
            history.bursts.push(Began { id, slot, began: *now, allowance, ended: None });
        }
        Step::Connect => {
            history.connected += 1;
            history.connections.push(Connection {
                id: ConnectionId(history.connected),
                opened: *now,
                streams: BTreeMap::new(),
                bursts: BTreeSet::new(),
                forgotten: false,
            });
        }
        Step::Open { connection, stream } => {
            let Some(connection) = one(&mut history.connections, connection) else { return };
            connection.streams.entry(StreamId(stream)).or_insert(None);
        }
        Step::Enlist { burst, connection, stream } => {
            let Some(connection) = one(&mut history.connections, connection) else { return };
            let Some(burst) = one(&mut history.bursts, burst) else { return };
            let (id, stream) = (connection.id, StreamId(stream));
            if bursts.enlist(*now, burst.id, id, connection.opened, stream).is_ok() {
                connection.streams.insert(stream, Some(burst.id));
                connection.bursts.insert(burst.id);
            }
        }
        Step::CloseStream { connection, stream } => {
            let Some(connection) = one(&mut history.connections, connection) else { return };
            connection.streams.remove(&StreamId(stream));
            bursts.stream_closed(connection.id, StreamId(stream));
        }
        Step::Disconnect { connection } => {
            let Some(Connection { id, .. }) = one(&mut history.connections, connection) else {
                return;
            };
            bursts.connection_closed(*id);
            let id = *id;
            history.connections.retain(|connection| connection.id != id);
        }
        Step::Promote { burst, connection } => {
            let Some(connection) = one(&mut history.connections, connection) else { return };
            let Some(burst) = one(&mut history.bursts, burst) else { return };
            let open = burst.ended.is_none();
            let within = open && connection.bursts.contains(&burst.id);
            assert_eq!(bursts.promote(burst.id, connection.id), within);
            if within {
                connection.bursts.remove(&burst.id);
                let own = connection.streams.values_mut().filter(|of| **of == Some(burst.id));
                own.for_each(|of| *of = None);
                connection.forgotten |= connection.bursts.is_empty();
            }
        }
        Step::End { burst } => {
            let Some(burst) = one(&mut history.bursts, burst) else { return };
            let id = burst.id;
            history.end(*now, bursts.end(*now, id));
        }
        Step::Wait { seconds: some } => {
            *now += seconds(some);
            history.end(*now, bursts.poll(*now));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn residue_is_what_the_definition_says(steps in vec(step(), 1..150)) {
        let settings = BurstSettings { keep: KEEP, ..BurstSettings::default() };
        let (mut bursts, mut history) = (Bursts::new(settings), History::default());
        let mut now = START;
        for step in steps {
            take(&mut bursts, &mut history, &mut now, step);
            history.note_forgotten(now);
            for it in &history.connections {
                let told = bursts.residue(it.id, it.streams.len() as u32, false);
                let expected = history.residue(now, it);
                // Never is a connection closed that the definition does not name.
                if told.is_some() || !it.forgotten {
                    prop_assert_eq!(told, expected, "{:?}", it.id);
                }
            }
            let open = || history.bursts.iter().filter(|burst| burst.ended.is_none());
            prop_assert!(open().map(|burst| burst.allowance).sum::<u32>() <= SHARE / 5);
            for burst in open() {
                let within = history.connections.iter().filter(|it| it.bursts.contains(&burst.id));
                prop_assert!(within.count() <= burst.allowance as usize);
            }
        }
    }

    #[test]
    fn however_much_is_enlisted_no_more_is_kept_than_may_be(
        steps in vec(step(), 1..150), entries in 0..12usize,
    ) {
        let settings = BurstSettings { entries, open: 3, ..BurstSettings::default() };
        let (mut bursts, mut history) = (Bursts::new(settings), History::default());
        let mut now = START;
        for step in steps {
            take(&mut bursts, &mut history, &mut now, step);
            prop_assert!(bursts.members.len() <= entries);
            prop_assert!(bursts.open.len() <= 3);
        }
        for id in 1..=history.connected {
            bursts.connection_closed(ConnectionId(id));
        }
        prop_assert_eq!(bursts.members.len(), 0);
    }
}
