//! What decides how many connections are kept, of whom, and when a round is made.

use std::{sync::Arc, time::Duration};

use rcmgr_core::Limits;

use crate::{
    RegulatorError, RegulatorSettings, Share, ShareError, ShareSettings,
    lock::LockPriority,
    quota::{Floors, FloorsDoNotFit, Quota, Quotas, Routes, Slots},
    regulator::{action::RegulatorEvent, table::Table},
    round::Stretch,
    scoring::{Voice, Voices},
    sense::{Aimd, Assessment, Level, Pressure, Quality, Senses, Sensor},
    trigger::{Request, Signals, Triggers},
};

/// Share, quotas, senses and triggers, under one lock that is held for a short time.
#[derive(Debug)]
pub(super) struct Steering {
    settings: ShareSettings,
    tags_weight: u16,
    tag_point: u16,
    /// As the limits have it.
    whole: Share,
    /// As the environment allows it.
    share: Share,
    pub quotas: Quotas,
    pub senses: Senses,
    aimd: Aimd,
    pub triggers: Triggers,
    seen: Assessment,
}

/// Who is enrolled, to be looked up without the lock.
#[derive(Debug)]
pub(super) struct Directory {
    pub routes: Arc<Routes>,
    /// The numbers of the enrollments, by place.
    serials: [Option<u64>; 64],
}

impl Directory {
    /// Whether an enrollment stands.
    pub fn has(&self, enrollment: crate::quota::Enrollment) -> bool {
        self.serials[enrollment.slot.index()] == Some(enrollment.serial)
    }
}

/// What a round goes by.
#[derive(Debug)]
pub(super) struct Terms {
    pub allotted: [Quota; 64],
    pub voices: Voices,
    pub level: Level,
    pub pressure: Option<Pressure>,
    pub share: Share,
    /// How many a round may leave beyond its aim, if nothing presses.
    pub stretch: Stretch,
    pub over: Slots,
}

impl Steering {
    pub fn new(settings: &RegulatorSettings, limits: &Limits) -> Result<Steering, RegulatorError> {
        let share = Share::derive(limits, &settings.share)?;
        Ok(Steering {
            settings: settings.share,
            tags_weight: settings.tags_weight,
            tag_point: settings.tag_point,
            whole: share,
            share,
            quotas: Quotas::new(share.soft()),
            senses: Senses::new(settings.sense)?,
            aimd: Aimd::new(settings.aimd)?,
            triggers: Triggers::new(settings.rules)?,
            seen: Assessment::default(),
        })
    }

    /// How many connections are kept now.
    pub fn share(&self) -> Share {
        self.share
    }

    /// How many are kept where nothing presses.
    pub fn whole(&self) -> Share {
        self.whole
    }

    pub fn level(&self) -> Level {
        self.seen.level
    }

    pub fn directory(&self, now: Duration) -> Directory {
        let mut serials = [None; 64];
        for enrolled in self.quotas.enrolled(now) {
            let enrollment = enrolled.enrollment;
            serials[enrollment.slot.index()] = Some(enrollment.serial);
        }
        Directory { routes: self.quotas.routes(), serials }
    }

    /// How the share follows from the limits.
    pub fn settings(&self) -> ShareSettings {
        self.settings
    }

    /// Takes other limits, and settings for them.
    pub fn set_limits(
        &mut self,
        now: Duration,
        limits: &Limits,
        settings: ShareSettings,
        events: &mut Vec<RegulatorEvent>,
    ) -> Result<(), ShareError> {
        self.whole = Share::derive(limits, &settings)?;
        self.settings = settings;
        self.follow(now, events);
        Ok(())
    }

    /// Looks how the environment is, and lets the share follow.
    pub fn assess(&mut self, now: Duration, events: &mut Vec<RegulatorEvent>) {
        self.seen = self.senses.assess(now);
        let Assessment { before: from, level: to, .. } = self.seen;
        if from != to {
            events.push(RegulatorEvent::Level { from, to });
        }
        self.follow(now, events);
    }

    fn follow(&mut self, now: Duration, events: &mut Vec<RegulatorEvent>) {
        let critical = self.seen.level == Level::Critical;
        let floor = if critical { 0 } else { self.quotas.least_share() };
        let soft = self.aimd.step(now, &self.seen, self.whole.soft(), floor);
        let share = self.whole.shrunk_to(soft);
        if share == self.share {
            return;
        }
        self.share = share;
        events.push(RegulatorEvent::Share(share));
        if let Err(error) = self.set_quotas(now, share.soft(), critical) {
            events.push(RegulatorEvent::FloorsYield(error));
        }
    }

    fn set_quotas(
        &mut self,
        now: Duration,
        soft: u32,
        critical: bool,
    ) -> Result<(), FloorsDoNotFit> {
        let held = self.quotas.set_share(now, soft, Floors::Hold);
        if held.is_ok() {
            return Ok(());
        }
        // They always do when floors yield.
        let _ = self.quotas.set_share(now, soft, Floors::Yield);
        if critical { Ok(()) } else { held }
    }

    /// The least priority of locks.
    pub fn least_priority(&self) -> LockPriority {
        match self.level() {
            Level::Normal | Level::Elevated => LockPriority::Low,
            Level::High => LockPriority::Normal,
            Level::Critical => LockPriority::High,
        }
    }

    /// What rounds go by now.
    pub fn terms(&self, now: Duration, table: &Table) -> Terms {
        let mut allotted = [Quota::ANY; 64];
        let mut voices = Voices::default();
        voices.set_tags_weight(self.tags_weight);
        voices.set_tag_point(self.tag_point);
        let mut over = Slots::EMPTY;
        for enrolled in self.quotas.enrolled(now) {
            let slot = enrolled.enrollment.slot();
            let (usage, max) = (table.usage(slot), enrolled.tolerated);
            allotted[slot.index()] = Quota { min: enrolled.quota.min, max };
            voices.set(slot, Voice { weight: enrolled.weight, usage, max });
            if usage > max {
                over = over.with(slot);
            }
        }
        let Assessment { level, pressure, .. } = self.seen;
        let presses = level >= Level::High || self.share != self.whole;
        let stretch = if presses { Stretch::NONE } else { self.share.stretch() };
        Terms { allotted, voices, level, pressure, share: self.share, stretch, over }
    }

    /// The round that is to be made now.
    pub fn request(&mut self, now: Duration, table: &Table) -> Option<Request> {
        let signals = self.signals(now, table);
        self.triggers.poll(now, &signals)
    }

    fn signals(&self, now: Duration, table: &Table) -> Signals {
        let sensed = self.senses.sensed(now);
        let fresh = |of: Sensor| {
            let of = sensed.iter().find(|sensed| sensed.sensor == of);
            of.filter(|sensed| sensed.quality == Quality::Fresh)?.pressure
        };
        let mut signals = Signals {
            live: table.live(),
            share: self.share.soft(),
            low: self.share.low(),
            level: self.level(),
            dials: fresh(Sensor::Dials),
            descriptors: [
                Sensor::CountedDescriptors,
                Sensor::OpenDescriptors,
                Sensor::NoDescriptor,
            ]
            .into_iter()
            .filter_map(fresh)
            .max(),
            memory: fresh(Sensor::Memory).max(fresh(Sensor::Resident)),
            stalls: fresh(Sensor::Stalls),
            overuse: 0,
            over: Slots::EMPTY,
        };
        for enrolled in self.quotas.enrolled(now) {
            let slot = enrolled.enrollment.slot();
            let (usage, max) = (table.usage(slot), enrolled.tolerated);
            if usage > max {
                let points = u64::from(usage) * 10_000 / u64::from(max.max(1));
                let points = u32::try_from(points).unwrap_or(u32::MAX);
                signals.overuse = signals.overuse.max(points);
                signals.over = signals.over.with(slot);
            }
        }
        signals
    }
}
