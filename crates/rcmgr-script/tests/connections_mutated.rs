//! Recorded scripts, changed at random: whatever comes of it, it is an answer or an error, always
//! the same, and what is counted is what is there.

use std::{collections::BTreeMap, io::Read as _, path::Path, sync::LazyLock};

use proptest::prelude::*;
use rcmgr_script::{
    Recorded,
    connections::{Header, Op, Runner, Verdict},
};
use serde_json::Value;

/// Each script by lines, the header first.
static SCRIPTS: LazyLock<Vec<Vec<String>>> = LazyLock::new(|| {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/connections/recorded");
    let scripts = Recorded::at(&data).expect("there are scripts");
    let read = |recorded: &Recorded| {
        let packed = std::fs::File::open(&recorded.script).expect("it is there");
        let mut text = String::new();
        flate2::read::GzDecoder::new(packed).read_to_string(&mut text).expect("it is packed");
        text.lines().map(str::to_owned).collect()
    };
    scripts.iter().map(read).collect()
});

/// How many operations of a script are run.
const LENGTH: usize = 300;

#[derive(Clone, Debug)]
enum Change {
    Drop(usize),
    Repeat(usize),
    Swap(usize, usize),
    /// Of a line, the field that comes at this place gets the value of another line's field.
    Graft(usize, usize, usize),
    /// Each number of a line becomes this one.
    Number(usize, i64),
    /// A byte of a line.
    Byte(usize, usize, u8),
}

fn change() -> impl Strategy<Value = Change> {
    let line = 1..LENGTH;
    let extreme =
        prop::sample::select(vec![i64::MIN, -1, 0, 1, 64, 1 << 32, (1 << 53) - 1, i64::MAX]);
    prop_oneof![
        line.clone().prop_map(Change::Drop),
        line.clone().prop_map(Change::Repeat),
        (line.clone(), line.clone()).prop_map(|(one, other)| Change::Swap(one, other)),
        (line.clone(), line.clone(), 0..8usize)
            .prop_map(|(to, from, field)| Change::Graft(to, from, field)),
        (line.clone(), extreme).prop_map(|(line, number)| Change::Number(line, number)),
        (line, 0..100usize, any::<u8>()).prop_map(|(line, at, byte)| Change::Byte(line, at, byte)),
    ]
}

fn apply(lines: &mut Vec<String>, change: &Change) {
    let within = |line: usize| line % (lines.len() - 1) + 1;
    match *change {
        Change::Drop(line) if lines.len() > 2 => drop(lines.remove(within(line))),
        Change::Drop(_) => {}
        Change::Repeat(line) => lines.insert(within(line), lines[within(line)].clone()),
        Change::Swap(one, other) => {
            let (one, other) = (within(one), within(other));
            lines.swap(one, other);
        }
        Change::Graft(to, from, field) => {
            let (to, from) = (within(to), within(from));
            let parsed = |line: &str| serde_json::from_str::<BTreeMap<String, Value>>(line).ok();
            if let (Some(mut target), Some(source)) = (parsed(&lines[to]), parsed(&lines[from]))
                && let Some((name, value)) = source.into_iter().nth(field)
            {
                target.insert(name, value);
                lines[to] = serde_json::to_string(&target).expect("it is JSON");
            }
        }
        Change::Number(line, number) => {
            let line = within(line);
            if let Ok(mut value) = serde_json::from_str::<Value>(&lines[line]) {
                set_numbers(&mut value, number);
                lines[line] = value.to_string();
            }
        }
        Change::Byte(line, at, byte) => {
            let line = within(line);
            let mut bytes = std::mem::take(&mut lines[line]).into_bytes();
            if let Some(old) = bytes.get_mut(at) {
                *old = byte;
            }
            lines[line] = String::from_utf8_lossy(&bytes).into_owned();
        }
    }
}

fn set_numbers(value: &mut Value, number: i64) {
    match value {
        Value::Number(old) => *old = number.into(),
        Value::Array(values) => values.iter_mut().for_each(|value| set_numbers(value, number)),
        Value::Object(fields) => fields.values_mut().for_each(|value| set_numbers(value, number)),
        _ => {}
    }
}

/// The answers up to the first operation that a script may not have; lines that are none are
/// passed over.
fn answers(lines: &[String]) -> Vec<Verdict> {
    let header: Header = serde_json::from_str(&lines[0]).expect("it is as it was recorded");
    let mut runner = Runner::new(&header).expect("it is as it was recorded");
    let ops = lines[1..].iter().filter_map(|line| serde_json::from_str::<Op>(line).ok());
    ops.map_while(|op| runner.apply(&op).ok()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn a_script_that_was_changed_is_answered_or_refused(
        script in 0..40usize,
        from in 0..2_000usize,
        changes in prop::collection::vec(change(), 1..40),
    ) {
        let whole = &SCRIPTS[script];
        // From the beginning or from somewhere in it: then names are not known.
        let from = from % (whole.len() - 1);
        let mut lines: Vec<String> = vec![whole[0].clone()];
        lines.extend(whole[1 + from..].iter().take(LENGTH).cloned());
        for change in &changes {
            apply(&mut lines, change);
        }
        let answers = answers(&lines);
        prop_assert_eq!(&answers, &self::answers(&lines), "a second run");
        let mut peers = BTreeMap::new();
        for (at, verdict) in answers.iter().enumerate() {
            prop_assert_eq!(verdict.i, at as u64);
            for (name, state) in &verdict.changed {
                peers.insert(name.clone(), state.clone());
            }
            let known = peers.values().flatten();
            prop_assert_eq!(known.map(|state| state.conns).sum::<u64>(), verdict.count);
            for state in peers.values().flatten() {
                prop_assert_eq!(state.temp, state.conns == 0);
            }
            for ties in verdict.trims.iter().filter_map(|trim| trim.ties.as_ref()) {
                let sizes: Vec<u64> = ties.chosen.iter().map(|peer| ties.peers[peer]).collect();
                let all: u64 = sizes.iter().sum();
                prop_assert!(all >= ties.need, "{:?}", ties);
                prop_assert!(sizes.iter().any(|size| all - size < ties.need), "{:?}", ties);
            }
        }
    }
}
