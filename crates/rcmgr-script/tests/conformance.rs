//! What go-libp2p's resource manager answered to 60 scripts, compared with what we answer; and the
//! scripts that run into its defects, with what we answer to those.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    path::{Path, PathBuf},
};

use rcmgr_script::{End, Known, Recorded, Script, Verdict, Verdicts};
use serde::Deserialize;

/// How many verdicts must be compared, known differences and quirks notwithstanding.
const AT_LEAST: u64 = 40_000;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn known() -> Known {
    Known::open(&data("known.jsonl")).expect("the known differences can be read")
}

#[test]
fn we_answer_as_go_libp2p_does() {
    let known = known();
    let (mut compared, mut total) = (0, 0);
    let mut differences = String::new();
    for recorded in Recorded::at(&data("recorded")).expect("there are scripts") {
        let outcome = recorded.check(&known).unwrap_or_else(|error| panic!("{error}"));
        compared += outcome.compared;
        total += outcome.total;
        if let End::Differs(difference) = outcome.end {
            differences += &format!("{difference}\n");
        }
        if outcome.stale > 0 {
            differences += &format!("{}: no difference where one is known\n", recorded.name);
        }
    }
    println!("{compared} of {total} verdicts were compared");
    assert!(differences.is_empty(), "{differences}");
    assert_eq!(total, 55_346);
    assert!(compared >= AT_LEAST, "only {compared} of {total} verdicts were compared");
}

#[test]
fn every_known_difference_is_of_a_script_and_has_a_reason() {
    let scripts = Recorded::at(&data("recorded")).expect("there are scripts");
    let names: BTreeSet<_> = scripts.iter().map(|recorded| recorded.name.as_str()).collect();
    for known in known().iter() {
        assert!(names.contains(known.script.as_str()), "{}", known.script);
        assert!(
            known.reason.contains(": "),
            "{} gives no decision: {}",
            known.script,
            known.reason
        );
    }
}

/// A line of the file that says what each script of a defect stands for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    script: String,
    decision: String,
}

fn decisions() -> BTreeMap<String, String> {
    let file = File::open(data("defects/decisions.json")).expect("the decisions are there");
    let all: Vec<Decision> = serde_json::from_reader(file).expect("the decisions can be read");
    all.into_iter().map(|one| (one.script, one.decision)).collect()
}

/// With `RCMGR_BLESS` set, what we answer becomes what is expected. The diff is to be read.
#[test]
fn defects_are_answered_as_decided() {
    let decisions = decisions();
    let scripts = Recorded::at(&data("defects")).expect("there are scripts");
    let names: Vec<_> = scripts.iter().map(|recorded| &recorded.name).collect();
    assert_eq!(names, decisions.keys().collect::<Vec<_>>());
    for Recorded { name, script, .. } in &scripts {
        let answers = answers(script);
        let ours = data("defects/ours").join(format!("{name}.verdicts.jsonl"));
        if std::env::var_os("RCMGR_BLESS").is_some() {
            let lines =
                answers.iter().map(|verdict| serde_json::to_string(verdict).unwrap() + "\n");
            std::fs::write(&ours, lines.collect::<String>()).unwrap();
        }
        let mut expected = Verdicts::open(&ours).unwrap_or_else(|error| panic!("{error}"));
        for answer in &answers {
            let expected = expected.next().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(Some(answer), expected.as_ref(), "{name}: {}", decisions[name]);
        }
        assert_eq!(expected.next().unwrap(), None, "{name}");
    }
}

fn answers(script: &Path) -> Vec<Verdict> {
    let mut script = Script::open(script).unwrap_or_else(|error| panic!("{error}"));
    let mut runner = script.runner().unwrap_or_else(|error| panic!("{error}"));
    let mut answers = Vec::new();
    while let Some(op) = script.next().unwrap_or_else(|error| panic!("{error}")) {
        answers.push(runner.apply(&op).expect("the operation means something"));
    }
    answers
}
