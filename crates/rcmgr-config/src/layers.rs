//! The sources of settings in their order of precedence.

use crate::conflicts::conflicts;
use crate::{Diagnostics, GivenError, Settings};

/// What each source says. Lowest first: the file, the environment, the flags, and what was put
/// while the node ran. Below them all are the defaults.
///
/// What was put at run time stands in the place of the file: it was written by somebody who saw
/// all that was in effect, and what it leaves out is meant to be gone. It also lies over the
/// environment and the flags, which nobody can change in a process that runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layers {
    /// What the file says.
    pub file: Settings,
    /// What the environment says.
    pub environment: Settings,
    /// What the command line says.
    pub flags: Settings,
    /// What was put at run time, if that is later than the file.
    pub run_time: Option<Settings>,
}

/// Why layers come to nothing that could be in effect.
#[derive(Debug, thiserror::Error)]
pub enum LayersError {
    /// What they say together cannot be.
    #[error(transparent)]
    Conflict(Box<Diagnostics>),
    /// It cannot be told what the node is given.
    #[error(transparent)]
    Given(#[from] GivenError),
}

impl Layers {
    /// What they say together.
    ///
    /// # Errors
    /// Values that are each right contradict each other: a quota with a minimum above its maximum.
    /// Both may stand in different layers, and one in a layer that is overruled does not count.
    pub fn settings(&self) -> Result<Settings, Diagnostics> {
        let mut settings = match self.run_time {
            Some(_) => Settings::default(),
            None => self.file.clone(),
        };
        settings.overlay(&self.environment);
        settings.overlay(&self.flags);
        if let Some(run_time) = &self.run_time {
            settings.overlay(run_time);
        }
        let found = conflicts(&settings);
        if found.has_errors() { Err(found) } else { Ok(settings) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{At, Bound, NoMachine, Portion, Protocols, Source, load, native};
    use std::sync::Arc;

    fn file(quota: &str) -> Settings {
        let text = format!("connection-manager:\n  quotas:\n    /a: {{{quota}}}\n");
        let source = Arc::new(Source::new("limits.yaml", text).expect("it is short"));
        load(&source, None, &NoMachine).expect("each value is right").settings
    }

    fn flag(bound: &str, value: &str) -> Settings {
        let mut settings = Settings::default();
        let path = ["connection-manager", "quotas", "/a", bound];
        let mut found = Diagnostics::default();
        native::set(&mut settings, &path, value, At::Flag("--set".into()), &mut found);
        assert!(found.is_empty(), "{found}");
        settings
    }

    #[test]
    fn a_quota_is_judged_by_what_all_layers_say_of_it() {
        let layers = |quota, flags| Layers { file: file(quota), flags, ..Layers::default() };
        let wrong = layers("minimum: 10", flag("maximum", "9")).settings().unwrap_err().to_string();
        assert_eq!(
            wrong,
            "error: connection-manager.quotas.\"/a\".minimum is 10, above \
             connection-manager.quotas.\"/a\".maximum, which is 9 (--set)\n \
             --> limits.yaml:3:19\n  |\n3 |     /a: {minimum: 10}\n  |                   ^^\n  |\n  \
             = help: write 9 or less, or raise connection-manager.quotas.\"/a\".maximum"
        );
        let wrong = layers("maximum: 9", flag("minimum", "10")).settings().unwrap_err().to_string();
        let told = "error: --set: connection-manager.quotas.\"/a\".minimum is 10, above";
        assert!(wrong.starts_with(told) && wrong.contains("is 9 (limits.yaml:3)"), "{wrong}");
        assert!(layers("minimum: 6, maximum: 5", Settings::default()).settings().is_err());

        // The flag mends what the file says, and of a share of unknown size both may be right.
        let mended = layers("minimum: 6, maximum: 5", flag("maximum", "7")).settings().unwrap();
        let bounds = &mended.connection_manager.quotas[&Protocols::Exact("/a".into())];
        assert_eq!(bounds[&Bound::Minimum].value, Portion::Connections(6));
        assert_eq!(bounds[&Bound::Maximum].value, Portion::Connections(7));
        assert!(layers("minimum: 10", flag("maximum", "1%")).settings().is_ok());
    }
}
