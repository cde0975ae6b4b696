use proptest::{collection::vec, prelude::*};

use super::*;

/// Who moves, as the dialer sees it: it says or hears.
#[derive(Clone, Copy)]
enum Step<'a> {
    Says(&'a [u8]),
    Hears(&'a [u8]),
}
use Step::{Hears, Says};

fn frame(line: &str) -> Vec<u8> {
    let length = line.len();
    let mut frame = match length {
        0..0x80 => vec![length as u8],
        _ => vec![length as u8 | 0x80, (length >> 7) as u8],
    };
    frame.extend_from_slice(line.as_bytes());
    frame
}

fn frames(lines: &[&str]) -> Vec<u8> {
    lines.iter().flat_map(|line| frame(line)).collect()
}

/// Both ends watch the same steps in portions of at most `portion` bytes; they must conclude the
/// same. Stops at the conclusion.
fn watch(steps: &[Step], portion: usize) -> Progress {
    let mut dialer = Negotiation::new(Direction::Outbound);
    let mut listener = Negotiation::new(Direction::Inbound);
    for step in steps {
        let (Says(bytes) | Hears(bytes)) = step;
        for bytes in bytes.chunks(portion) {
            let (here, there) = match step {
                Says(_) => (dialer.wrote(bytes), listener.read(bytes)),
                Hears(_) => (dialer.read(bytes), listener.wrote(bytes)),
            };
            assert_eq!(here, there);
            if here != Progress::Underway {
                return here;
            }
        }
    }
    Progress::Underway
}

/// The conclusion, which must not depend on how the bytes are cut.
fn conclusion(steps: &[Step]) -> Progress {
    let whole = watch(steps, usize::MAX);
    for portion in [1, 2, 3, 7, 100] {
        assert_eq!(watch(steps, portion), whole, "in portions of {portion}");
    }
    whole
}

fn agreed_on(protocol: &str) -> Progress {
    Progress::Agreed(protocol.to_owned())
}

const GREETING: &str = "/multistream/1.0.0\n";

#[test]
fn one_proposal_is_agreed() {
    let says = frames(&[GREETING, "/a/1\n"]);
    let greets = frame(GREETING);
    let agrees = frame("/a/1\n");
    assert_eq!(conclusion(&[Says(&says), Hears(&greets)]), Progress::Underway);
    assert_eq!(conclusion(&[Says(&says), Hears(&greets), Hears(&agrees)]), agreed_on("/a/1"));
    let at_once = frames(&[GREETING, "/a/1\n"]);
    assert_eq!(conclusion(&[Says(&says), Hears(&at_once)]), agreed_on("/a/1"));
}

#[test]
fn greetings_may_cross() {
    let greeting = frame(GREETING);
    let proposal = frame("/a/1\n");
    let steps = [Hears(&greeting), Says(&greeting), Says(&proposal), Hears(&proposal)];
    assert_eq!(conclusion(&steps), agreed_on("/a/1"));
}

#[test]
fn a_later_proposal_is_agreed() {
    let first = frames(&[GREETING, "/a/2\n"]);
    let refuses = frames(&[GREETING, "na\n"]);
    let second = frame("/a/1\n");
    let again = frame("na\n");
    let third = frame("/a/0\n");
    let mut steps = vec![Says(&first), Hears(&refuses), Says(&second)];
    assert_eq!(conclusion(&[&steps[..], &[Hears(&second)]].concat()), agreed_on("/a/1"));
    steps.extend([Hears(&again), Says(&third), Hears(&third)]);
    assert_eq!(conclusion(&steps), agreed_on("/a/0"));
}

#[test]
fn lazy_data_behind_the_proposal_is_not_parsed() {
    // It looks like another proposal, and like a frame of any length.
    let data = [frame("/b/1\n"), vec![0xff; 300], vec![0]].concat();
    let lazy = [frames(&[GREETING, "/a/1\n"]), data.clone()].concat();
    let agrees = frames(&[GREETING, "/a/1\n"]);
    assert_eq!(conclusion(&[Says(&lazy), Hears(&agrees)]), agreed_on("/a/1"));
    assert_eq!(conclusion(&[Says(&lazy), Says(&data), Hears(&agrees)]), agreed_on("/a/1"));
}

#[test]
fn lazy_data_makes_a_refusal_final() {
    let lazy = frames(&[GREETING, "/a/1\n", "/b/1\n"]);
    let refuses = frames(&[GREETING, "na\n"]);
    assert_eq!(conclusion(&[Says(&lazy), Hears(&refuses)]), Progress::Unknown);
}

#[test]
fn data_behind_the_answer_is_not_parsed() {
    let says = frames(&[GREETING, "/a/1\n"]);
    let answers = [says.clone(), vec![0xff; 300]].concat();
    assert_eq!(conclusion(&[Says(&says), Hears(&answers)]), agreed_on("/a/1"));
}

#[test]
fn repeated_headers_hide_nothing() {
    let says = frames(&[GREETING, "/a/1\n"]);
    let answers = frames(&[GREETING, GREETING, GREETING, "/a/1\n"]);
    assert_eq!(conclusion(&[Says(&says), Hears(&answers)]), agreed_on("/a/1"));
}

#[test]
fn lists_hide_nothing() {
    let asks = frames(&[GREETING, "ls\n"]);
    let short = frames(&[GREETING, "\x05/a/1\n\n"]);
    let long = [frame(GREETING), frame(&"\x05/a/1\n".repeat(500))].concat();
    let proposal = frame("/a/1\n");
    for list in [short, long] {
        let steps = [Says(&asks), Hears(&list), Says(&proposal), Hears(&proposal)];
        assert_eq!(conclusion(&steps), agreed_on("/a/1"));
    }
}

#[test]
fn long_proposals_hide_nothing_and_are_not_kept() {
    let long = frame(&format!("/{}\n", "x".repeat(MAX_LINE)));
    let longest = frame(&format!("/{}\n", "x".repeat((1 << 14) - 3)));
    let greeting = frame(GREETING);
    let refuses = frame("na\n");
    let proposal = frame("/a/1\n");
    for long in [long, longest] {
        let mut steps = vec![Says(&greeting), Hears(&greeting), Says(&long)];
        assert_eq!(conclusion(&[&steps[..], &[Hears(&long)]].concat()), Progress::Unknown);
        steps.extend([Hears(&refuses), Says(&proposal), Hears(&proposal)]);
        assert_eq!(conclusion(&steps), agreed_on("/a/1"));

        let mut listener = Negotiation::new(Direction::Inbound);
        assert_eq!(listener.read(&[&greeting[..], &long].concat()), Progress::Underway);
        assert_eq!(listener.proposals.kept.capacity(), 0);
    }
}

#[test]
fn the_longest_line_is_kept() {
    let name = format!("/{}", "x".repeat(MAX_LINE - 2));
    let says = frames(&[GREETING, &format!("{name}\n")]);
    assert_eq!(conclusion(&[Says(&says), Hears(&says)]), agreed_on(&name));
}

#[test]
fn garbage_ends_the_watching() {
    let says = frames(&[GREETING, "/a/1\n"]);
    let cases: [&[u8]; 6] = [
        b"GET / HTTP/1.1\r\n\r\n and then as many bytes as the first one asks for, or some more",
        &[0],
        &[0xff, 0xff],
        &frame("/multistream/2.0.0\n"),
        &frame("/a/1\n"),
        &[frame(GREETING), vec![0]].concat(),
    ];
    for garbage in cases {
        assert_eq!(conclusion(&[Says(garbage)]), Progress::Unknown, "{garbage:?}");
        assert_eq!(conclusion(&[Says(&says), Hears(garbage)]), Progress::Unknown, "{garbage:?}");
    }
}

#[test]
fn wrong_answers_end_the_watching() {
    let says = frames(&[GREETING, "/a/1\n"]);
    for answer in ["/a/2\n", "/a/1", "ls\n", "\n"] {
        let answers = frames(&[GREETING, answer]);
        assert_eq!(conclusion(&[Says(&says), Hears(&answers)]), Progress::Unknown, "{answer:?}");
    }
    let unasked = frames(&[GREETING, "/a/1\n"]);
    assert_eq!(conclusion(&[Hears(&unasked)]), Progress::Unknown);
}

#[test]
fn names_are_lines_of_text() {
    for name in [b"\xff\n".as_slice(), b"/a/1"] {
        let line = [&[name.len() as u8], name].concat();
        let says = [frame(GREETING), line].concat();
        assert_eq!(conclusion(&[Says(&says), Hears(&says)]), Progress::Unknown);
    }
}

/// What passes in one direction at once: sense and nonsense.
fn passing() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        4 => Just(frame(GREETING)),
        4 => Just(frame("/a/1\n")),
        2 => Just(frame("/b/1\n")),
        4 => Just(frame("na\n")),
        2 => Just(frame("ls\n")),
        1 => (0..(1usize << 14)).prop_map(|length| frame(&"x".repeat(length))),
        1 => vec(any::<u8>(), 0..10),
    ];
    vec(line, 0..4).prop_map(|lines| lines.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_conclusion_does_not_depend_on_portions(
        passing in vec((any::<bool>(), passing()), 0..6),
        portion in 1..200usize,
    ) {
        let greeting = frame(GREETING);
        let mut steps = vec![Says(&greeting), Hears(&greeting)];
        steps.extend(passing.iter().map(|(says, bytes)| match says {
            true => Says(bytes),
            false => Hears(bytes),
        }));
        prop_assert_eq!(watch(&steps, portion), watch(&steps, usize::MAX));
    }

    #[test]
    fn little_is_kept_whatever_comes(bytes in vec(any::<u8>(), 0..4000), length in 0..(1usize << 14)) {
        let mut negotiation = Negotiation::new(Direction::Outbound);
        let long = frame(&"x".repeat(length));
        for bytes in [&frame(GREETING), &long, &bytes] {
            let progress = negotiation.read(bytes);
            prop_assert!(negotiation.answers.kept.len() <= MAX_LINE);
            if progress != Progress::Underway {
                break;
            }
        }
    }
}
