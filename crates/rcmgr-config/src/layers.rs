//! The sources of settings in their order of precedence.

use crate::Settings;

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

impl Layers {
    /// What they say together.
    pub fn settings(&self) -> Settings {
        let mut settings = match self.run_time {
            Some(_) => Settings::default(),
            None => self.file.clone(),
        };
        settings.overlay(&self.environment);
        settings.overlay(&self.flags);
        if let Some(run_time) = &self.run_time {
            settings.overlay(run_time);
        }
        settings
    }
}
