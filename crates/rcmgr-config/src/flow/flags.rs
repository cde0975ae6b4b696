//! Flow's flags.

use std::sync::LazyLock;

use rcmgr_core::Resource;

use super::{
    CONNECTION_MANAGER, FILE_DESCRIPTORS_RATIO, LIMITS, MEMORY_RATIO, MOST, OVERRIDES,
    RESOURCE_MANAGER, SCOPES, limit,
};
use crate::quoted::quoted;
use crate::{
    At, Class, InvalidRatio, MemoryGiven, Ratio, Said, Setting, Settings, Share, Subject, go,
    nearest,
};

/// A flag of Flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The name without the dashes before it, as Flow's code has it.
    pub name: String,
    /// The name by which Flow's documentation calls it, where that is another.
    pub alias: Option<String>,
    /// What it does, in Flow's words.
    pub help: String,
    /// What its value is.
    pub kind: FlagKind,
}

/// What the value of a flag is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagKind {
    /// A limit of a class of scopes; 0 says nothing.
    Limit(Class, Resource),
    /// The part of the memory that the node is given.
    MemoryRatio,
    /// The part of the descriptors that the node is given.
    FileDescriptorsRatio,
    /// The connection manager's high watermark.
    HighWatermark,
    /// The connection manager's low watermark.
    LowWatermark,
    /// The connection manager's grace period.
    GracePeriod,
    /// The connection manager's silence period.
    SilencePeriod,
}

/// Why a flag cannot be taken.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InvalidFlag {
    /// There is no such flag.
    #[error("{name} is no flag of Flow{}", meant(nearest))]
    Unknown {
        /// What was given.
        name: String,
        /// The flag that is most like it.
        nearest: Option<&'static str>,
    },
    /// The value is no number that is fit.
    #[error("{flag}: {} is no whole number from 0 to {MOST}", quoted(value))]
    NoNumber {
        /// The flag as it was given.
        flag: String,
        /// The value.
        value: String,
    },
    /// The value is no ratio.
    #[error("{flag}: {}: {error}", quoted(value))]
    NoRatio {
        /// The flag as it was given.
        flag: String,
        /// The value.
        value: String,
        /// Why not.
        error: InvalidRatio,
    },
    /// The value is no time.
    #[error("{flag}: {} is no time such as 10s or 1m30s, of at most 366 days", quoted(value))]
    NoTime {
        /// The flag as it was given.
        flag: String,
        /// The value.
        value: String,
    },
}

fn meant(nearest: &Option<&'static str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!("; did you mean --{nearest}?"))
}

/// All flags of Flow that say something of limits.
///
/// The limits have two names: Flow's code puts `limits-override` into them, and Flow's
/// documentation does not. Both are the same flag.
///
/// ```
/// use rcmgr_config::flow::FLAGS;
///
/// let flag = &FLAGS[0];
/// assert_eq!(flag.name, "libp2p-resource-manager-limits-override-system-streams-inbound");
/// assert_eq!(flag.alias.as_deref(), Some("libp2p-resource-manager-system-streams-inbound"));
/// ```
pub static FLAGS: LazyLock<Vec<Flag>> = LazyLock::new(|| {
    let limits = SCOPES.into_iter().flat_map(|scope| LIMITS.map(|limit| of_limit(scope, limit)));
    let ratios = [
        (MEMORY_RATIO, "memory", FlagKind::MemoryRatio),
        (FILE_DESCRIPTORS_RATIO, "file descriptors", FlagKind::FileDescriptorsRatio),
    ];
    let ratios = ratios.map(|(key, of, kind)| Flag {
        name: format!("{RESOURCE_MANAGER}-{key}"),
        alias: None,
        help: format!("ratio of available {of} to be used by libp2p (in (0,1])"),
        kind,
    });
    let manager = [
        ("high-watermark", "number of connections above which some are closed", {
            FlagKind::HighWatermark
        }),
        ("low-watermark", "number of connections that are left then", FlagKind::LowWatermark),
        ("grace-period", "time for which a new connection is not closed", FlagKind::GracePeriod),
        ("silence-period", "least time between two rounds of closing", FlagKind::SilencePeriod),
    ];
    let manager = manager.map(|(key, help, kind)| Flag {
        name: format!("{CONNECTION_MANAGER}-{key}"),
        alias: None,
        help: help.to_owned(),
        kind,
    });
    limits.chain(ratios).chain(manager).collect()
});

fn of_limit((scope, class): (&str, Class), (key, resource, what): (&str, Resource, &str)) -> Flag {
    Flag {
        name: format!("{RESOURCE_MANAGER}-{OVERRIDES}-{scope}-{key}"),
        alias: Some(format!("{RESOURCE_MANAGER}-{scope}-{key}")),
        help: format!("the limit on the {what} at {scope} scope, 0 means use the default value"),
        kind: FlagKind::Limit(class, resource),
    }
}

/// Adds to settings what a flag says, under the name that it was given by, with or without the
/// dashes before it. Numbers are written as in Go: `15000`, `15_000`, `0x3a98`.
///
/// ```
/// use rcmgr_config::{Settings, flow};
///
/// let mut settings = Settings::default();
/// flow::flag(&mut settings, "--libp2p-resource-manager-system-streams-inbound", "15000")?;
/// assert_eq!(settings.scopes.len(), 1);
/// # Ok::<(), flow::InvalidFlag>(())
/// ```
///
/// # Errors
/// There is no such flag, or its value is not fit: a number below 0, a ratio that is not above 0
/// and at most 1, or no time.
pub fn flag(settings: &mut Settings, name: &str, value: &str) -> Result<(), InvalidFlag> {
    let name = name.strip_prefix("--").unwrap_or(name);
    let is_called = |flag: &&Flag| flag.name == name || flag.alias.as_deref() == Some(name);
    let Some(found) = FLAGS.iter().find(is_called) else {
        let names = FLAGS.iter().flat_map(|flag| [Some(&*flag.name), flag.alias.as_deref()]);
        let nearest = nearest(name, names.flatten());
        return Err(InvalidFlag::Unknown { name: format!("--{name}"), nearest });
    };
    let flag = format!("--{name}");
    let at = At::Flag(flag.as_str().into());
    let number = || {
        let number = go::integer(value).and_then(|number| u64::try_from(number).ok());
        let no_number = || InvalidFlag::NoNumber { flag: flag.clone(), value: value.to_owned() };
        number.filter(|number| *number <= MOST).ok_or_else(no_number)
    };
    let ratio = || {
        value.parse::<Ratio>().map(Share::Part).map_err(|error| {
            let (flag, value) = (flag.clone(), value.to_owned());
            InvalidFlag::NoRatio { flag, value, error }
        })
    };
    let time = || {
        let no_time = || InvalidFlag::NoTime { flag: flag.clone(), value: value.to_owned() };
        go::duration(value).ok_or_else(no_time)
    };
    let manager = &mut settings.connection_manager;
    match found.kind {
        FlagKind::Limit(class, resource) => {
            if let Some(limit) = limit(number()?) {
                let limits = settings.scopes.entry(Subject::Class(class)).or_default();
                limits.insert(resource, Said::new(Setting::Limit(limit), at));
            }
        }
        FlagKind::MemoryRatio => {
            settings.memory = Some(Said::new(MemoryGiven::Share(ratio()?), at));
        }
        FlagKind::FileDescriptorsRatio => {
            settings.file_descriptors = Some(Said::new(ratio()?, at));
        }
        FlagKind::HighWatermark => manager.high_watermark = Some(Said::new(number()?, at)),
        FlagKind::LowWatermark => manager.low_watermark = Some(Said::new(number()?, at)),
        FlagKind::GracePeriod => manager.grace_period = Some(Said::new(time()?, at)),
        FlagKind::SilencePeriod => manager.silence_period = Some(Said::new(time()?, at)),
    }
    Ok(())
}
