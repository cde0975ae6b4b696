//! What go-libp2p's connection manager answered to 40 scripts, compared with what we answer; and
//! the scripts that run into its defects, with what we answer to those.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use rcmgr_script::{
    Recorded, ScriptError,
    connections::{self, End, Verdict},
};
use serde::Deserialize;

/// How many verdicts must be compared, quirks notwithstanding.
const AT_LEAST: u64 = 14_679;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/connections").join(name)
}

#[test]
fn we_answer_as_go_libp2p_does() {
    let (mut compared, mut total, mut whole) = (0, 0, 0);
    let mut differences = String::new();
    for recorded in Recorded::at(&data("recorded")).expect("there are scripts") {
        let outcome = connections::check(&recorded).unwrap_or_else(|error| panic!("{error}"));
        println!("{}: {} of {}", recorded.name, outcome.compared, outcome.total);
        compared += outcome.compared;
        total += outcome.total;
        match outcome.end {
            End::Whole => whole += 1,
            End::Quirk(_) => {}
            End::Differs(difference) => differences += &format!("{difference}\n"),
        }
    }
    println!("{compared} of {total} verdicts were compared, {whole} scripts to the end");
    assert!(differences.is_empty(), "{differences}");
    assert_eq!(total, 27_048);
    assert!(compared >= AT_LEAST, "only {compared} of {total} verdicts were compared");
    assert!(whole >= 19, "only {whole} scripts were compared to the end");
}

/// Scripts to which we once had another answer, with those of go-libp2p. No quirk ends them.
#[test]
fn what_was_answered_otherwise_before_is_answered_as_go_libp2p_does() {
    let scripts = Recorded::at(&data("mended")).expect("there are scripts");
    for recorded in &scripts {
        let outcome = connections::check(recorded).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(outcome.end, End::Whole, "{}", recorded.name);
        assert_eq!(outcome.compared, outcome.total, "{}", recorded.name);
    }
    assert_eq!(scripts.len(), 2);
}

/// A line of the file that says what each script of a defect stands for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    script: String,
    decision: String,
}

/// With `RCMGR_BLESS` set, what we answer becomes what is expected. The diff is to be read.
#[test]
fn defects_are_answered_as_decided() {
    let all = fs::read(data("defects/decisions.json")).expect("the decisions are there");
    let all: Vec<Decision> = serde_json::from_slice(&all).expect("the decisions can be read");
    let decisions: BTreeMap<_, _> = all.into_iter().map(|one| (one.script, one.decision)).collect();
    let scripts = Recorded::at(&data("defects")).expect("there are scripts");
    let names: Vec<_> = scripts.iter().map(|recorded| &recorded.name).collect();
    assert_eq!(names, decisions.keys().collect::<Vec<_>>());
    for Recorded { name, script, .. } in &scripts {
        let mut answers: Vec<Verdict> = Vec::new();
        let done: Result<(), ScriptError> = connections::run(script, |verdict| {
            answers.push(verdict.clone());
            Ok(())
        });
        done.unwrap_or_else(|error| panic!("{error}"));
        let ours = data("defects/ours").join(format!("{name}.verdicts.jsonl"));
        if std::env::var_os("RCMGR_BLESS").is_some() {
            let lines =
                answers.iter().map(|verdict| serde_json::to_string(verdict).unwrap() + "\n");
            fs::write(&ours, lines.collect::<String>()).unwrap();
        }
        let expected = fs::read_to_string(&ours).unwrap_or_else(|error| panic!("{name}: {error}"));
        let expected: Vec<Verdict> =
            expected.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(answers, expected, "{name}: {}", decisions[name]);
    }
}
