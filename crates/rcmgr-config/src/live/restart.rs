//! What of limits that were written to the file would not last.

use super::{LiveLimits, Next, Turn, Version};
use crate::{At, Diagnostic, Key, Layers, LayersError, Settings, Severity, changes};

/// How many values are told one by one.
const TOLD: usize = 20;

impl LiveLimits {
    /// Tells which values the environment and the flags say otherwise. What was put lies over
    /// them; what is read from the file, after a restart or on SIGHUP, lies under them.
    pub(super) fn overruled(
        &self,
        turn: &Turn,
        current: &Version,
        next: &Next,
    ) -> Result<Vec<Diagnostic>, LayersError> {
        let Layers { environment, flags, .. } = &next.layers;
        if [environment, flags].into_iter().all(|layer| *layer == Settings::default()) {
            return Ok(Vec::new());
        }
        let layers = Layers { run_time: None, ..next.layers.clone() };
        let then = self.next(turn, current, layers)?.effective;
        let said_elsewhere = |key: &Key| {
            let at = then.said(key)?;
            matches!(at, At::Environment(_) | At::Flag(_)).then_some(at)
        };
        let changes = changes(&next.effective, &then);
        let overruled = changes
            .iter()
            .filter_map(|change| Some((change, said_elsewhere(&change.key)?)))
            .map(|(change, at)| {
                let message = format!(
                    "{}: when the file is read again, after a restart or on SIGHUP, {at} wins: \
                     {change}",
                    change.key
                );
                Diagnostic::unplaced(Severity::Warning, message)
                    .help(format!("take {} away from {at}, or say the same there", change.key))
            });
        let mut told: Vec<_> = overruled.collect();
        if let Some(more) = told.len().checked_sub(TOLD).filter(|more| *more > 0) {
            told.truncate(TOLD);
            let message = format!("so do the environment and the flags for {more} more values");
            told.push(Diagnostic::unplaced(Severity::Warning, message));
        }
        Ok(told)
    }
}
