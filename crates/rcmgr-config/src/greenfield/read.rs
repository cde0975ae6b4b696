//! The table `[Rcmgr]`.

use std::collections::BTreeMap;
use std::sync::Arc;

use rcmgr_core::{Limit, Resource};

use super::{DEFAULT, LIMITS, limit, most};
use crate::document::{Entry, Node};
use crate::formats::Read;
use crate::reading::{Others, Reading};
use crate::{At, Base, Class, Diagnostic, Said, Setting, Settings, Source, Subject};

/// Reads a configuration of Greenfield. Keys may be in any case.
///
/// The limits of `Transient` are checked and left out with a warning: Greenfield reads and shows
/// them, and limits what is transient by those of the system.
///
/// # Errors
/// All that is wrong, and the warnings. Negative numbers, which Greenfield takes, are errors: they
/// admit nothing, and 0 says that.
pub fn read(source: &Arc<Source>, tree: &Node) -> Result<Read, Vec<Diagnostic>> {
    let mut reading = Reading::of(source);
    let mut settings =
        Settings { base: Some(Said::new(Base::Unlimited, DEFAULT)), ..Settings::default() };
    let [block] = reading.top(tree, "a configuration of Greenfield", ["Rcmgr"], Others::Ignored);
    let keys = ["DisableRcmgr", "GfSpLimiter"];
    let [disabled, limiter] = match block {
        Some(block) => reading.fields(&block.value, &block.key, keys, Others::Denied),
        None => {
            let help = "what is read is Greenfield's defaults; limits stand in [Rcmgr.GfSpLimiter]";
            reading.warning(tree.span, "it says nothing of limits", help);
            [None; 2]
        }
    };
    match limiter {
        Some(limiter) => self::limiter(&mut reading, &mut settings, limiter),
        None => {
            let limits = LIMITS.map(|(_, resource, number)| {
                (resource, Said::new(Setting::Limit(limit(resource, number)), DEFAULT))
            });
            settings.scopes.insert(Subject::Class(Class::System), limits.into());
        }
    }
    if let Some(disabled) = disabled
        && let Some(said) = reading.truth(disabled)
        && said.value
    {
        let help = "nothing is limited, as in Greenfield; leave the key out if that is not meant";
        reading.warning(disabled.key_span, "the resource manager is off", help);
        settings.base = Some(Said::new(Base::Unlimited, said.at));
        settings.scopes.clear();
    }
    reading.finish(settings)
}

fn limiter(reading: &mut Reading<'_>, settings: &mut Settings, limiter: &Entry) {
    let keys = ["System", "Transient", "ServiceLimit"];
    let [system, transient, services] =
        reading.fields(&limiter.value, &limiter.key, keys, Others::Denied);
    let of_system = match system {
        Some(system) => limits(reading, system),
        None => {
            let help = "add [Rcmgr.GfSpLimiter.System] with the limits, or leave GfSpLimiter out \
                        to have the defaults";
            let message = "there are limits and none of the system, so that nothing is admitted";
            reading.warning(limiter.key_span, message, help);
            let at = reading.at(limiter.key_span);
            LIMITS.map(|(_, resource, _)| (resource, nothing(&at))).into()
        }
    };
    settings.scopes.insert(Subject::Class(Class::System), of_system);
    if let Some(transient) = transient {
        limits(reading, transient);
        let help = "as in Greenfield, the limits of the system are those of what is transient";
        reading.warning(transient.key_span, "the limits of Transient are left out", help);
    }
    let Some(services) = services else { return };
    for service in reading.entries(&services.value, &services.key) {
        let limits = limits(reading, service);
        settings.scopes.insert(Subject::Service(service.key.as_str().into()), limits);
    }
}

/// The limits of a scope. What is missing admits nothing, which is told.
fn limits(reading: &mut Reading<'_>, scope: &Entry) -> BTreeMap<Resource, Said<Setting>> {
    let keys = LIMITS.map(|(key, ..)| key);
    let found = reading.fields(&scope.value, &scope.key, keys, Others::Denied);
    let missing = keys.into_iter().zip(found).filter(|(_, entry)| entry.is_none());
    let missing: Vec<&str> = missing.map(|(key, _)| key).collect();
    if !missing.is_empty() {
        let message = match &*missing {
            [one] => format!("{one} is not said here, and admits nothing"),
            many => format!("{} are not said here, and admit nothing", many.join(", ")),
        };
        let help = "Greenfield takes what is missing for 0; write 2147483647, or of Memory \
                    9223372036854775807, for what shall not be limited";
        reading.warning(scope.key_span, message, help);
    }
    let at = reading.at(scope.key_span);
    let limits = found.into_iter().zip(LIMITS).map(|(entry, (_, resource, _))| {
        let said = entry.and_then(|entry| {
            let most = most(resource);
            let help = format!("write a whole number from 0, which admits nothing, to {most}");
            let Said { value, at } = reading.number(entry, most, help)?;
            Some(Said::new(Setting::Limit(limit(resource, value)), at))
        });
        (resource, said.unwrap_or_else(|| nothing(&at)))
    });
    limits.collect()
}

fn nothing(at: &At) -> Said<Setting> {
    Said::new(Setting::Limit(Limit::BLOCK_ALL), at.clone())
}
