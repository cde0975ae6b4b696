//! The protocols that the configuration gives quotas of connections.

use std::{collections::BTreeMap, time::Duration};

use rcmgr_config::{
    Bound, Diagnostic, Effective, Key, Portion, Protocols, Quota, Severity, quoted,
};
use rcmgr_connmgr::{
    Regulator,
    quota::{
        Amount, Answer, EnrollError, Enrollment, InsufficientShare, InvalidSpec, Matcher,
        OfferLapsed, QuotaSpec, RenegotiateError,
    },
};

/// What helps where minima do not fit in the share.
const TOO_MUCH: &str = "lower a minimum, or raise connection-manager.high-watermark; all minima come \
                        to 95% of it at most";

/// The protocols that are enrolled, each with what was said of it.
#[derive(Debug, Default)]
pub struct Quotas(BTreeMap<Protocols, (Enrollment, Quota)>);

/// Why a protocol does not have what is said.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Enroll(#[from] EnrollError),
    #[error(transparent)]
    Renegotiate(#[from] RenegotiateError),
    #[error(transparent)]
    Lapsed(#[from] OfferLapsed),
}

impl Quotas {
    /// Lets those be enrolled of whom the configuration speaks, as it does. Returns who lacks what is
    /// said, with the error; the rest is done.
    pub fn follow(
        &mut self,
        regulator: &Regulator,
        now: Duration,
        effective: &Effective,
    ) -> BTreeMap<Protocols, Diagnostic> {
        let said = effective.connection_manager().quotas;
        self.0.retain(|protocols, (enrollment, _)| {
            let stays = said.contains_key(protocols);
            if !stays {
                // One that was released before is gone as well.
                let _ = regulator.release(now, *enrollment);
            }
            stays
        });
        let mut left: Vec<_> = said.into_iter().collect();
        // One may only fit once another one has less.
        loop {
            let mut refused = Vec::new();
            let before = left.len();
            left.retain(|(protocols, quota)| {
                let done = self.give(regulator, now, protocols, *quota);
                let error = done.map_err(|error| refused.push((protocols.clone(), error)));
                error.is_err()
            });
            if left.is_empty() || left.len() == before {
                let mut lacking = self.short(regulator, now, effective);
                let told = refused.into_iter().map(|(protocols, error)| {
                    let problem = tell(effective, regulator, &protocols, &error);
                    (protocols, problem)
                });
                lacking.extend(told);
                return lacking;
            }
        }
    }

    /// Those that were granted their minima in a share that has become too small for all of them.
    fn short(
        &self,
        regulator: &Regulator,
        now: Duration,
        effective: &Effective,
    ) -> BTreeMap<Protocols, Diagnostic> {
        let share = regulator.share().soft();
        let enrolled = regulator.enrolled(now);
        let short = enrolled.iter().filter(|enrolled| enrolled.quota.min < enrolled.floor);
        let told = short.filter_map(|short| {
            let (protocols, _) =
                self.0.iter().find(|(_, (enrollment, _))| *enrollment == short.enrollment)?;
            let key = Key::Quota(protocols.clone(), Bound::Minimum);
            let message = format!(
                "{key} is {} connections, and {} are kept: the share of {share} has no room for the \
                 minima of all",
                short.floor, short.quota.min
            );
            Some((protocols.clone(), placed(effective, protocols, message).help(TOO_MUCH)))
        });
        told.collect()
    }

    fn give(
        &mut self,
        regulator: &Regulator,
        now: Duration,
        protocols: &Protocols,
        quota: Quota,
    ) -> Result<(), Refused> {
        let answer = match self.0.get(protocols) {
            Some((_, has)) if *has == quota => return Ok(()),
            Some((enrollment, _)) => regulator.renegotiate(now, *enrollment, spec(quota))?,
            None => {
                let matcher = match protocols {
                    Protocols::Exact(id) => Matcher::Exact(id.clone()),
                    Protocols::Prefix(begin) => Matcher::Prefix(begin.clone()),
                };
                regulator.enroll(now, &protocols.to_string(), &[matcher], spec(quota))?
            }
        };
        let enrollment = match answer {
            Answer::Granted(enrollment) => enrollment,
            // Only the maximum is lower than it was said: it is no more than the minima of others leave.
            Answer::Counter(offer) => regulator.accept(now, offer)?,
        };
        self.0.insert(protocols.clone(), (enrollment, quota));
        Ok(())
    }
}

/// What a protocol asks for. A minimum that was said is a promise, and no share is taken that is too
/// small for it.
fn spec(quota: Quota) -> QuotaSpec {
    let amount = |portion| match portion {
        Portion::Connections(connections) => Amount::Abs(connections),
        Portion::BasisPoints(points) => Amount::Bp(points),
    };
    let min = amount(quota.min);
    let max = quota.max.map_or(Amount::Unbounded, amount);
    QuotaSpec { floor: min, ..QuotaSpec::new(min, max) }
}

fn tell(
    effective: &Effective,
    regulator: &Regulator,
    protocols: &Protocols,
    error: &Refused,
) -> Diagnostic {
    let key = Key::Quota(protocols.clone(), Bound::Minimum);
    let share = regulator.share().soft();
    let (message, help) = match error {
        Refused::Enroll(EnrollError::InsufficientShare(short))
        | Refused::Renegotiate(RenegotiateError::InsufficientShare(short)) => {
            let InsufficientShare { available, floor } = short;
            let message = format!(
                "{key} is {floor} connections, and {available} are left of the share of {share} \
                 beside the minima of others"
            );
            (message, TOO_MUCH)
        }
        Refused::Enroll(EnrollError::Invalid(InvalidSpec::MinAboveMax { .. }))
        | Refused::Renegotiate(RenegotiateError::Invalid(InvalidSpec::MinAboveMax { .. })) => {
            let maximum = Key::Quota(protocols.clone(), Bound::Maximum);
            let message = format!(
                "of the share of {share} connections {key} is more than {maximum} ({})",
                effective.origin(&maximum)
            );
            (message, "lower the minimum, or raise the maximum")
        }
        Refused::Enroll(EnrollError::Full) => {
            let name = protocols.to_string();
            let message = format!(
                "{} is one more than the {} of connection-manager.quotas",
                quoted(&name),
                Quota::MOST
            );
            (message, "leave some out, or take several together by what they begin with")
        }
        other => (format!("{key}: {other}"), "change it"),
    };
    placed(effective, protocols, message).help(help)
}

/// An error at the place of what is said of a quota.
fn placed(effective: &Effective, protocols: &Protocols, message: String) -> Diagnostic {
    let bounds = [Bound::Minimum, Bound::Maximum].into_iter();
    let mut places =
        bounds.filter_map(|bound| effective.said(&Key::Quota(protocols.clone(), bound)));
    match places.next() {
        Some(at) => Diagnostic::of_said(Severity::Error, at, message),
        None => Diagnostic::unplaced(Severity::Error, message),
    }
}
