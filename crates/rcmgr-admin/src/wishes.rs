//! What a request asks for behind its question mark.

/// What may be asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    pub(crate) explain: bool,
    pub(crate) dry_run: bool,
    pub(crate) persist: bool,
    pub(crate) from: Option<String>,
    pub(crate) to: Option<u64>,
}

/// What cannot be asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidWish {
    #[error("?{0} is not known here: {1}")]
    Unknown(String, String),
    #[error("?{0}={1} is neither 1 nor 0")]
    NoFlag(String, String),
    #[error("?to={0} is no version")]
    NoVersion(String),
    #[error("?{0} stands there more than once")]
    Twice(String),
    #[error("?dry_run and ?persist exclude each other: a trial writes nothing")]
    TrialThatWrites,
}

impl Wishes {
    /// The wishes in a query, of which only some are `known` where it was asked. What is not known
    /// is an error: a misspelt `dry_run` must not change anything.
    pub(crate) fn of(query: Option<&str>, known: &[&str]) -> Result<Wishes, InvalidWish> {
        let mut wishes = Wishes::default();
        let mut seen = Vec::new();
        let parts = query.unwrap_or_default().split('&').filter(|part| !part.is_empty());
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, "1"));
            if !known.contains(&name) {
                return Err(InvalidWish::Unknown(name.to_owned(), alternatives(known)));
            }
            if seen.contains(&name) {
                return Err(InvalidWish::Twice(name.to_owned()));
            }
            seen.push(name);
            match name {
                "explain" => wishes.explain = flag(name, value)?,
                "dry_run" => wishes.dry_run = flag(name, value)?,
                "persist" => wishes.persist = flag(name, value)?,
                "from" => wishes.from = Some(value.to_owned()),
                _ => {
                    let number = value.parse();
                    let number = number.map_err(|_| InvalidWish::NoVersion(value.to_owned()))?;
                    wishes.to = Some(number);
                }
            }
        }
        if wishes.dry_run && wishes.persist {
            return Err(InvalidWish::TrialThatWrites);
        }
        Ok(wishes)
    }
}

fn flag(name: &str, value: &str) -> Result<bool, InvalidWish> {
    match value {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(InvalidWish::NoFlag(name.to_owned(), value.to_owned())),
    }
}

fn alternatives(known: &[&str]) -> String {
    match known {
        [] => "nothing is".to_owned(),
        known => format!("?{} is", known.join(", ?")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_is_asked_for() {
        let of = |query| {
            let wishes = Wishes::of(Some(query), &["dry_run", "persist", "to"]);
            wishes.map_err(|error| error.to_string())
        };
        assert_eq!(Wishes::of(None, &[]), Ok(Wishes::default()));
        assert_eq!(
            of("dry_run=1&to=7").map(|wishes| (wishes.dry_run, wishes.to)),
            Ok((true, Some(7)))
        );
        assert_eq!(of("dry_run").map(|wishes| wishes.dry_run), Ok(true));
        assert_eq!(of("dry_run=0"), Ok(Wishes::default()));
        for (query, why) in [
            ("dryrun=1", "?dryrun is not known here: ?dry_run, ?persist, ?to is"),
            ("dry_run=yes", "?dry_run=yes is neither 1 nor 0"),
            ("to=last", "?to=last is no version"),
            ("to=", "?to= is no version"),
            ("dry_run=1&dry_run=0", "?dry_run stands there more than once"),
            ("dry%5Frun=1", "?dry%5Frun is not known here: ?dry_run, ?persist, ?to is"),
            (
                "dry_run=1&persist=1",
                "?dry_run and ?persist exclude each other: a trial writes nothing",
            ),
        ] {
            assert_eq!(of(query), Err(why.to_owned()));
        }
        let error = Wishes::of(Some("explain=1"), &[]).map_err(|error| error.to_string());
        assert_eq!(error, Err("?explain is not known here: nothing is".to_owned()));
    }
}
