//! What is right wherever it stands, and cannot be together: nothing may be applied with it.

use crate::{Bound, Diagnostic, Diagnostics, InvalidQuota, Key, Settings, Severity};

/// What cannot be in settings that several sources may have said a part of each. Each error tells
/// both places.
pub fn conflicts(settings: &Settings) -> Diagnostics {
    let mut found = Diagnostics::default();
    let said = &settings.connection_manager;
    for (protocols, quota) in said.quotas() {
        let bounds = &said.quotas[&protocols];
        if let Err(InvalidQuota::MinAboveMax { min, max }) = quota.check()
            && let [Some(low), Some(high)] =
                [Bound::Minimum, Bound::Maximum].map(|bound| bounds.get(&bound))
        {
            let key = |bound| Key::Quota(protocols.clone(), bound);
            let (minimum, maximum) = (key(Bound::Minimum), key(Bound::Maximum));
            let message =
                format!("{minimum} is {min}, above {maximum}, which is {max} ({})", high.at);
            let help = format!("write {max} or less, or raise {maximum}");
            found.push(Diagnostic::of_said(Severity::Error, &low.at, message).help(help));
        }
    }
    found
}
