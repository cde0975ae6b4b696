//! The known word that an unknown one was meant to be.

/// Longer words are not compared: nobody mistypes a key that badly.
const LONGEST: usize = 64;

/// The candidate that is most like what was given, if one is like it: the same but for case, `-`
/// and `_`, or with no more than a third of its characters mistyped.
///
/// ```
/// use rcmgr_config::nearest;
///
/// let keys = ["streams", "streams-inbound", "memory"];
/// assert_eq!(nearest("StreamsInbound", keys), Some("streams-inbound"));
/// assert_eq!(nearest("memroy", keys), Some("memory"));
/// assert_eq!(nearest("conns", keys), None);
/// ```
pub fn nearest<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if given.len() > LONGEST {
        return None;
    }
    let given = simple(given);
    let alike = |candidate: &'a str| {
        let simple = simple(candidate);
        let distance = strsim::osa_distance(&given, &simple);
        let longer = given.chars().count().max(simple.chars().count());
        (distance <= longer / 3).then_some((distance, candidate))
    };
    let candidates = candidates.into_iter().filter(|candidate| candidate.len() <= LONGEST);
    candidates.filter_map(alike).min_by_key(|(distance, _)| *distance).map(|(_, nearest)| nearest)
}

/// A word without what keys are written differently by.
fn simple(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEYS: [&str; 6] =
        ["streams", "streams-inbound", "streams-outbound", "connections", "fd", "memory"];

    #[test]
    fn a_key_in_another_spelling_is_found() {
        for given in ["streams_inbound", "StreamsInbound", "STREAMS-INBOUND", "streamsInbound"] {
            assert_eq!(nearest(given, KEYS), Some("streams-inbound"), "{given}");
        }
    }

    #[test]
    fn a_mistyped_key_is_found() {
        for (given, key) in [
            ("stream-inbound", "streams-inbound"),
            ("steam", "streams"),
            ("memory-bytes", "memory"),
            ("conections", "connections"),
        ] {
            let found = nearest(given, KEYS);
            assert_eq!(found, (given != "memory-bytes").then_some(key), "{given}");
        }
    }

    #[test]
    fn what_is_like_no_key_is_not_found() {
        for given in ["", "x", "fs", "limits", "allowlist"] {
            assert_eq!(nearest(given, KEYS), None, "{given}");
        }
        assert_eq!(nearest("x", []), None);
    }

    #[test]
    fn long_words_are_not_compared() {
        let long = "a".repeat(LONGEST + 1);
        assert_eq!(nearest(&long, [long.as_str()]), None);
    }

    proptest! {
        #[test]
        fn a_candidate_is_nearest_to_itself(key in "[a-z]{1,64}") {
            prop_assert_eq!(nearest(&key, KEYS.into_iter().chain([key.as_str()])), Some(&*key));
        }

        #[test]
        fn any_text_can_be_compared(given: String, candidate: String) {
            let _ = nearest(&given, [candidate.as_str()]);
        }
    }
}
