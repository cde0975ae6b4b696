//! What the comparison of a connection manager's verdicts finds, and what it passes.

use std::{collections::BTreeMap, fs, path::Path};

use rcmgr_script::{
    Recorded,
    connections::{self, End, Info, Marks, Op, Runner, Ties, Trim, Verdict},
};

const HEADER: &str = r#"{"low":2,"high":4,"grace_ms":0,"silence_ms":10000,"resolution_ms":1000}"#;

fn connected(conn: &str, peer: &str) -> String {
    format!(
        r#"{{"op":"connected","conn":"{conn}","peer":"{peer}","dir":"in","addr":"/ip4/192.0.2.1"}}"#
    )
}

fn answers(ops: &[String]) -> Vec<Verdict> {
    let header = serde_json::from_str(HEADER).expect("it is a header");
    let mut runner = Runner::new(&header).expect("it means something");
    let op = |op: &String| -> Op { serde_json::from_str(op).expect("it is an operation") };
    ops.iter().map(|line| runner.apply(&op(line)).expect("it means something")).collect()
}

fn compare(ops: &[String], verdicts: &[Verdict], name: &str) -> connections::Outcome {
    let folder = std::env::temp_dir().join(format!("rcmgr-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder can be made");
    let lines = verdicts.iter().map(|one| serde_json::to_string(one).expect("it is JSON") + "\n");
    fs::write(folder.join("it.jsonl"), format!("{HEADER}\n{}", ops.join("\n"))).expect("written");
    fs::write(folder.join("it.verdicts.jsonl"), lines.collect::<String>()).expect("written");
    let recorded = Recorded::at(&folder).expect("it is there").remove(0);
    let outcome = connections::check(&recorded).unwrap_or_else(|error| panic!("{error}"));
    fs::remove_dir_all(&folder).expect("it was made");
    outcome
}

fn lines(ops: &[&str]) -> Vec<String> {
    ops.iter().map(ToString::to_string).collect()
}

/// Five peers of one connection each, of which `p0` and `p1` are worth less, and a trim.
fn trimmed() -> Vec<String> {
    let mut ops: Vec<String> =
        (0..5).map(|at| connected(&format!("c{at}"), &format!("p{at}"))).collect();
    ops.extend(lines(&[
        r#"{"op":"tag","peer":"p0","tag":"v","value":-2}"#,
        r#"{"op":"tag","peer":"p1","tag":"v","value":-1}"#,
        r#"{"op":"protect","peer":"p4","tag":"x"}"#,
        r#"{"op":"tag_info","peer":"p4"}"#,
        r#"{"op":"unprotect","peer":"p4","tag":"y"}"#,
        r#"{"op":"register_decaying","id":"d","tag":"d","decay":{"kind":"none"},"bump":{"kind":"unbounded"}}"#,
        r#"{"op":"batch","cmds":[{"op":"bump","id":"d","peer":"p4","delta":3}]}"#,
        r#"{"op":"check_limit","n":3}"#,
        r#"{"op":"trim"}"#,
        r#"{"op":"info"}"#,
    ]));
    ops
}

#[test]
fn a_difference_in_any_field_is_found_and_named() {
    let ops = trimmed();
    let ours = answers(&ops);
    assert_eq!(compare(&ops, &ours, "compared-same").end, End::Whole);
    let trim = |change: fn(&mut Trim)| move |one: &mut Verdict| change(&mut one.trims[0]);
    type Change = Box<dyn Fn(&mut Verdict)>;
    let changes: [(usize, &str, Change); 18] = [
        (0, "ok", Box::new(|one| one.ok = false)),
        (0, "count", Box::new(|one| one.count = 2)),
        (0, "changed", Box::new(|one| one.changed.clear())),
        (5, "changed", Box::new(|one| drop(one.changed.insert("p9".into(), None)))),
        (8, "found", Box::new(|one| one.found = None)),
        (8, "info", Box::new(|one| one.info = Some(Info::default()))),
        (9, "ret", Box::new(|one| one.ret = Some(false))),
        (10, "interval_ms", Box::new(|one| one.interval_ms = Some(1))),
        (11, "results", Box::new(|one| one.results = vec!["closed".into()])),
        (12, "err_kind", Box::new(|one| one.err_kind = Some("panic".into()))),
        (13, "trims", Box::new(|one| one.trims.clear())),
        (13, "trims", Box::new(trim(|trim| trim.at += 1))),
        (13, "trims", Box::new(trim(|trim| trim.kind = "force".into()))),
        (13, "trims", Box::new(trim(|trim| trim.closed.reverse()))),
        (13, "trims", Box::new(trim(|trim| trim.dup = vec!["c0".into()]))),
        (13, "trims", Box::new(trim(|trim| trim.pruned = vec!["p7".into()]))),
        (14, "cm", Box::new(|one| one.cm = Some(Marks::default()))),
        (14, "cm", Box::new(|one| one.cm.as_mut().unwrap().last_trim = None)),
    ];
    for (at, field, change) in changes {
        let mut wrong = ours.clone();
        change(&mut wrong[at]);
        match compare(&ops, &wrong, "compared-other").end {
            End::Differs(found) => {
                assert_eq!((found.fields, found.got.i), (vec![field], at as u64));
                assert_eq!(found.place.line, Some(at as u64 + 2));
            }
            end => panic!("{field} of {at}: {end:?}"),
        }
    }
}

#[test]
fn why_nothing_was_closed_is_not_compared() {
    let ops = lines(&[r#"{"op":"trim"}"#]);
    let mut other = answers(&ops);
    assert_eq!(other[0].trims[0].why.as_deref(), Some("below_low"));
    other[0].trims[0].why = None;
    assert_eq!(compare(&ops, &other, "compared-why").end, End::Whole);
}

/// Four equal peers with one, two, three and four connections, of whose ten connections two may
/// stay.
fn tied() -> (Vec<String>, Vec<Verdict>) {
    let mut ops = Vec::new();
    for peer in 1..=4 {
        ops.extend((0..peer).map(|at| connected(&format!("c{peer}{at}"), &format!("p{peer}"))));
    }
    ops.extend(lines(&[r#"{"op":"trim"}"#, r#"{"op":"info"}"#]));
    let ours = answers(&ops);
    (ops, ours)
}

#[test]
fn what_is_left_of_a_tie_is_closed_and_the_choice_is_checked() {
    let (ops, ours) = tied();
    let [.., trim, info] = &ours[..] else { panic!("there are two") };
    let ties = trim.trims[0].ties.clone().expect("they are equal");
    assert_eq!((ties.need, ties.conns.len()), (8, 10));
    let sizes = BTreeMap::from([1, 2, 3, 4].map(|peer| (format!("p{peer}"), peer)));
    assert_eq!(ties.peers, sizes);
    let chosen: u64 = ties.chosen.iter().map(|peer| sizes[peer]).sum();
    assert!(chosen >= 8, "{ties:?}");
    assert_eq!((trim.count, info.count, trim.trims[0].closed.len()), (0, 0, 0));
    // Which ones are chosen is chance in what was recorded, and is not told there.
    let mut other = ours.clone();
    let at = other.len() - 2;
    other[at].trims[0].ties = Some(Ties { chosen: vec![], ..ties.clone() });
    assert_eq!(compare(&ops, &other, "compared-tie").end, End::Whole);
    other[at].trims[0].ties = Some(Ties { need: 7, ..ties });
    assert!(matches!(compare(&ops, &other, "compared-need").end, End::Differs(_)));
}

#[test]
fn a_comparison_ends_at_a_quirk_that_leaves_another_state_and_not_at_one_that_only_tells() {
    let ops = lines(&[r#"{"op":"info"}"#, r#"{"op":"info"}"#]);
    let mut verdicts = answers(&ops);
    verdicts[0].quirk = vec!["tag_shadow".into(), "bg_trim_at_high".into()];
    let outcome = compare(&ops, &verdicts, "compared-told");
    assert_eq!((outcome.compared, outcome.end), (2, End::Whole));
    verdicts[0].quirk.push("late_tick".into());
    verdicts[1].count = 99;
    let outcome = compare(&ops, &verdicts, "compared-quirk");
    assert_eq!((outcome.compared, outcome.total), (0, 2));
    assert_eq!(outcome.end, End::Quirk("late_tick".into()));
}

#[test]
fn a_peer_without_a_name_is_refused_where_go_libp2p_panics_and_where_it_does_not() {
    let ops = lines(&[
        r#"{"op":"tag","peer":"","tag":"x","value":1}"#,
        r#"{"op":"protect","peer":"","tag":"x"}"#,
        r#"{"op":"is_protected","peer":"","tag":""}"#,
        r#"{"op":"tag_info","peer":""}"#,
    ]);
    assert!(answers(&ops).iter().all(|one| one.err_kind.as_deref() == Some("empty_peer")));
    let verdict = |i, ok, ret| Verdict { i, ok, ret, ..Verdict::default() };
    let panicked = |i| Verdict { err_kind: Some("panic".into()), ..verdict(i, false, None) };
    let there = [panicked(0), verdict(1, true, None), verdict(2, true, Some(true)), panicked(3)];
    assert_eq!(compare(&ops, &there, "compared-empty").end, End::Whole);
    let mut counted = there;
    counted[1].count = 1;
    assert!(matches!(compare(&ops, &counted, "compared-counted").end, End::Differs(_)));
}

/// go-libp2p does not note it, even where it closes nothing and so is not told.
#[test]
fn a_background_trim_that_closes_nothing_is_no_difference() {
    let mut ops: Vec<String> =
        (0..4).map(|at| connected(&format!("c{at}"), &format!("p{at}"))).collect();
    ops.extend((0..3).map(|at| format!(r#"{{"op":"protect","peer":"p{at}","tag":"x"}}"#)));
    ops.extend(lines(&[r#"{"op":"advance","ms":10000}"#, r#"{"op":"info"}"#]));
    let mut there = answers(&ops);
    let info = there.last_mut().and_then(|one| one.cm.as_mut()).expect("it was asked for");
    assert_eq!((info.last_trim, info.count), (Some(10_000), 4));
    info.last_trim = None;
    assert_eq!(compare(&ops, &there, "compared-noted").end, End::Whole);
}

#[test]
fn a_name_that_is_free_again_is_a_new_connection() {
    let ops = [
        connected("c", "p"),
        connected("c", "q"),
        r#"{"op":"disconnected","conn":"c"}"#.into(),
        connected("c", "q"),
        r#"{"op":"disconnected","conn":"c"}"#.into(),
        r#"{"op":"disconnected","conn":"c"}"#.into(),
    ];
    let answers = answers(&ops);
    assert_eq!(answers.iter().map(|one| one.count).collect::<Vec<_>>(), [1, 1, 0, 1, 0, 0]);
    assert!(answers[1].changed.is_empty(), "the repeated notification is ignored");
    assert!(answers[3].changed.contains_key("q"));
}

#[test]
fn the_scripts_of_defects_differ_only_by_what_was_decided() {
    let defects = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/connections/defects");
    for recorded in Recorded::at(&defects).expect("there are scripts") {
        let outcome = connections::check(&recorded).unwrap_or_else(|error| panic!("{error}"));
        assert!(!matches!(outcome.end, End::Differs(_)), "{}: {:?}", recorded.name, outcome.end);
    }
}
