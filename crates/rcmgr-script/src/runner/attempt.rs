//! What each operation does to the manager.

use rcmgr_core::{
    Amount, ConnectionRequest, ConnectionScope, Limits, Name, Priority, Reservation, StreamScope,
};

use super::*;
use crate::{Dir, Endpoint, numbers::Size};

/// Which part of a passing reservation is split off, and which part of the rest is shrunk away.
const HALF: u64 = 2;

impl Runner {
    pub(super) fn attempt(&mut self, op: &Op) -> Result<Done, Stop> {
        if let Some(id) = op.makes()
            && (self.live.contains_key(id) || self.gone.contains_key(id))
        {
            return Err(Fault::DuplicateId(id.clone()).into());
        }
        let done = Ok(Done::default());
        match op {
            Op::OpenConn { id, dir, usefd, endpoint } => {
                self.open_connection(id, *dir, *usefd, endpoint)?;
            }
            Op::OpenStream { id, peer, dir } => {
                let opened = self.manager.open_stream(peer.as_bytes(), (*dir).into());
                let stream = opened.map_err(|error| self.stop(error, Some(id)))?;
                self.make(id, Handle::Stream(stream));
            }
            Op::SetPeer { id, peer } => {
                let set = self.connection(id)?.set_peer(peer.as_bytes());
                set.map_err(|error| self.stop(error, None))?;
            }
            Op::SetProtocol { id, proto, by_view } => {
                let stream = self.stream(id)?;
                let set = match by_view {
                    true => stream.set_protocol(&self.manager.protocol(proto)),
                    false => stream.set_protocol(proto.as_str()),
                };
                set.map_err(|error| self.stop(error, None))?;
            }
            Op::SetService { id, svc, by_view } => self.set_service(id, svc, *by_view)?,
            Op::Reserve { scope, size, prio } => self.reserve(scope, *size, Priority(*prio))?,
            Op::Release { scope, size } => self.release(scope, *size)?,
            Op::BeginSpan { id, of } => {
                let begun = self.on_scope(of, |handle| handle.begin_span())?;
                let span = begun.map_err(|error| self.stop(error, None))?;
                self.make(id, Handle::Span(span));
            }
            Op::Done { id } => return self.close(id),
            Op::SetLimit { scope, limit } => self.change_limit(scope, Some((*limit).into()))?,
            Op::ClearLimit { scope } => self.change_limit(scope, None)?,
            Op::Gc {} => {
                self.manager.collect();
            }
            Op::Advance { ms } => self.advance(*ms)?,
            Op::VerifySource { addr } => {
                let verify = self.manager.verify_source_address(addr.ip(), self.now);
                return Ok(Done { verify: Some(verify), ..Done::default() });
            }
            Op::AllowAdd { addr } => {
                *self.allowed.entry(addr.entry().clone()).or_default() += 1;
                self.manager.allow(addr.entry());
            }
            Op::AllowRemove { addr } => self.disallow(addr.entry()),
            Op::Stat {} => {}
            Op::View { id, scope } => {
                let view = self.on_scope(scope, |handle| match handle {
                    Handle::View(view) => Ok(view.clone()),
                    _ => Err(NotThat),
                })?;
                self.make(id, Handle::View(view));
            }
            Op::Ledger { id, of } => {
                let begun = self.on_scope(of, |handle| handle.ledger())?;
                let ledger = begun.map_err(|error| self.stop(error, None))?;
                self.make(id, Handle::Ledger(ledger));
            }
            Op::Hold { id, scope, size, prio } => {
                let prio = Priority(*prio);
                let held = self.on_scope(scope, |handle| handle.reserve_memory(*size, prio))?;
                let held = held.map_err(|error| self.stop(error, None))?;
                self.make(id, Handle::Reservation(held));
            }
            Op::HoldAmount { id, scope, amount, prio } => {
                let held = self.on_scope(scope, |handle| {
                    let held = handle.reserve((*amount).into(), Priority(*prio))?;
                    Ok(held.map(Reservation::into_owned))
                })?;
                let held = held.map_err(|error| self.stop(error, None))?;
                self.make(id, Handle::Reservation(held));
            }
            Op::HoldBriefly { scope, amount, prio } => {
                let held = self.on_scope(scope, |handle| {
                    Ok(handle.reserve((*amount).into(), Priority(*prio))?.and_then(divide))
                })?;
                held.map_err(|error| self.stop(error, None))?;
            }
            Op::Grow { id, amount, prio } => {
                let (amount, prio) = ((*amount).into(), Priority(*prio));
                let grown = match self.handle(id)? {
                    Handle::Reservation(held) => held.grow(amount, prio),
                    Handle::Ledger(ledger) => ledger.reserve(amount, prio),
                    other => return Err(wrong(id, other, "reservation or ledger").into()),
                };
                grown.map_err(|error| self.stop(error, None))?;
            }
            Op::Shrink { id, amount } => {
                let shrunk = match self.handle(id)? {
                    Handle::Reservation(held) => held.shrink((*amount).into()),
                    Handle::Ledger(ledger) => ledger.release((*amount).into()),
                    other => return Err(wrong(id, other, "reservation or ledger").into()),
                };
                shrunk.map_err(|error| self.stop(error, None))?;
            }
            Op::Split { id, from, amount } => {
                let part = match self.handle(from)? {
                    Handle::Reservation(held) => held.split((*amount).into()),
                    other => return Err(wrong(from, other, "reservation").into()),
                };
                let part = part.map_err(|error| self.stop(error, None))?;
                self.make(id, Handle::Reservation(part));
            }
            Op::Merge { into, from } => self.merge(into, from)?,
            Op::SetLimits { base, limits } => {
                let now = self.manager.limits();
                let classes = Limits::from(**base);
                let classes = limits.over(&classes, |peer| peer.as_bytes().into());
                self.manager.set_limits(Limits {
                    ip: now.ip.clone(),
                    rates: now.rates.clone(),
                    allowlist: now.allowlist.clone(),
                    ..classes
                });
            }
        }
        done
    }

    fn open_connection(
        &mut self,
        id: &Id,
        dir: Dir,
        descriptor: bool,
        endpoint: &Endpoint,
    ) -> Result<(), Stop> {
        let mut request = ConnectionRequest::new(dir.into()).at(self.now);
        if descriptor {
            request = request.with_file_descriptor();
        }
        if let Some(ip) = endpoint.ip() {
            request = request.with_ip(ip);
        }
        let opened = self.manager.open_connection(request);
        let connection = opened.map_err(|error| self.stop(error, Some(id)))?;
        self.make(id, Handle::Connection(connection));
        Ok(())
    }

    fn set_service(&mut self, id: &Id, service: &str, by_view: bool) -> Result<(), Stop> {
        let stream = self.stream(id)?;
        let set = match by_view {
            true => stream.set_service(&self.manager.service(service)),
            false => stream.set_service(service),
        };
        let answer = set.map_err(|error| self.answer(error, None));
        // Whoever has asked the service has named it.
        if answer.as_ref().map_or_else(|answer| answer.kind == ErrKind::Limit, |()| true) {
            self.keep_service(&service.into());
        }
        answer.map_err(Stop::Answer)
    }

    fn keep_service(&mut self, name: &Name) {
        if let Some(services) = &mut self.services
            && !services.contains_key(name)
        {
            services.insert(name.clone(), self.manager.service(name));
        }
    }

    /// Reserves memory beside what was reserved in the same scope before.
    fn reserve(&mut self, scope: &ScopeName, size: Size, priority: Priority) -> Result<(), Stop> {
        let reserved = self.on_scope(scope, |handle| {
            size.bytes().map(|bytes| handle.reserve_memory(bytes, priority)).transpose()
        })?;
        let Some(reserved) = reserved else { return Err(negative(scope)) };
        let mut reserved = reserved.map_err(|error| self.stop(error, None))?;
        if reserved.amount().is_zero() {
            return Ok(());
        }
        let before = match scope {
            ScopeName::Shared(shared) => self.reserved.remove(shared),
            ScopeName::Id(id) => self.live.get_mut(id).and_then(|made| made.reserved.take()),
        };
        if let Some(before) = before {
            let merged = reserved.merge(before);
            debug_assert!(merged.is_ok(), "both are of one scope, whose counter holds the sum");
        }
        self.put_reserved(scope, reserved);
        Ok(())
    }

    fn release(&mut self, scope: &ScopeName, size: Size) -> Result<(), Stop> {
        let before = match scope {
            ScopeName::Shared(shared) => {
                self.note(shared);
                self.reserved.remove(shared)
            }
            ScopeName::Id(id) => match self.live.get_mut(id) {
                Some(made) => made.reserved.take(),
                // A scope that is closed has released everything.
                None => return self.unless_closed(id),
            },
        };
        let Some(bytes) = size.bytes() else {
            before.into_iter().for_each(|before| self.put_reserved(scope, before));
            return Err(negative(scope));
        };
        let not_held = || Stop::Answer(Answer::new(ErrKind::NotHeld, Some(scope.to_string())));
        match before {
            None if bytes == 0 => Ok(()),
            None => Err(not_held()),
            Some(mut before) => {
                let shrunk = before.shrink(Amount::memory(bytes));
                if !before.amount().is_zero() {
                    self.put_reserved(scope, before);
                }
                shrunk.map_err(|_| not_held())
            }
        }
    }

    fn put_reserved(&mut self, scope: &ScopeName, reserved: Reservation<'static>) {
        match scope {
            ScopeName::Shared(shared) => _ = self.reserved.insert(shared.clone(), reserved),
            ScopeName::Id(id) => {
                if let Some(made) = self.live.get_mut(id) {
                    made.reserved = Some(reserved);
                }
            }
        }
    }

    fn close(&mut self, id: &Id) -> Result<Done, Stop> {
        let Some(made) = self.live.remove(id) else {
            // Closing twice is closing once.
            return self.unless_closed(id).map(|()| Done::default());
        };
        self.gone.insert(id.clone(), Gone::Closed);
        let emptied = (!made.held.is_zero()).then(|| id.clone());
        Ok(Done { emptied, ..Done::default() })
    }

    fn change_limit(&mut self, scope: &ScopeName, limit: Option<ScopeLimit>) -> Result<(), Stop> {
        if let ScopeName::Id(id) = scope
            && !self.live.contains_key(id)
        {
            // Whatever the limit of a closed scope, nobody will ask it.
            return self.unless_closed(id);
        }
        self.on_scope(scope, |handle| match limit {
            Some(limit) => handle.set_limit(limit),
            None => handle.clear_limit(),
        })
    }

    /// Removes an entry as often as it was added before it is gone.
    fn disallow(&mut self, entry: &AllowlistEntry) {
        match self.allowed.get_mut(entry) {
            Some(more @ 2..) => *more -= 1,
            _ => {
                self.allowed.remove(entry);
                self.manager.disallow(entry);
            }
        }
    }

    fn advance(&mut self, ms: u64) -> Result<(), Stop> {
        let now = self.now.checked_add(Duration::from_millis(ms));
        let last = Duration::from_secs(LAST_DAY * SECONDS_OF_A_DAY);
        match now.filter(|now| *now <= last) {
            Some(now) => self.now = now,
            None => return Err(Fault::ClockTooFar(LAST_DAY).into()),
        }
        Ok(())
    }

    fn merge(&mut self, into: &Id, from: &Id) -> Result<(), Stop> {
        for id in [into, from] {
            match self.handle(id)? {
                Handle::Reservation(_) => {}
                other => return Err(wrong(id, other, "reservation").into()),
            }
        }
        if into == from {
            let (is, wanted) = ("reservation itself", "second one");
            return Err(Fault::WrongKind { id: from.clone(), is, wanted }.into());
        }
        let Some(Made { handle: Handle::Reservation(second), reserved, held }) =
            self.live.remove(from)
        else {
            return Ok(());
        };
        let merged = match self.handle(into)? {
            Handle::Reservation(first) => first.merge(second),
            _ => Err(second),
        };
        match merged {
            Ok(()) => {
                self.gone.insert(from.clone(), Gone::Closed);
                Ok(())
            }
            Err(second) => {
                let handle = Handle::Reservation(second);
                self.live.insert(from.clone(), Made { handle, reserved, held });
                Err(Stop::Answer(Answer::new(ErrKind::OtherScope, None)))
            }
        }
    }

    /// Does something with a scope, shared or made by the script.
    fn on_scope<R>(
        &mut self,
        scope: &ScopeName,
        act: impl FnOnce(&Handle) -> Result<R, NotThat>,
    ) -> Result<R, Stop> {
        match scope {
            ScopeName::Shared(shared) => {
                self.note(shared);
                let view = Handle::View(View::new(&self.manager, shared));
                act(&view).map_err(|NotThat| unreachable!("a shared scope does all that scopes do"))
            }
            ScopeName::Id(id) => {
                let wanted = "scope that does this";
                let made = self.live.get(id).ok_or_else(|| Stop::Answer(self.gone(id)))?;
                act(&made.handle).map_err(|NotThat| wrong(id, &made.handle, wanted).into())
            }
        }
    }

    /// Keeps a service that the script names.
    fn note(&mut self, shared: &Shared) {
        if let Shared::Service(name) = shared {
            self.keep_service(name);
        }
    }

    fn make(&mut self, id: &Id, handle: Handle) {
        if let Some(scope) = handle.id() {
            self.names.insert(scope, id.clone());
        }
        self.live.insert(id.clone(), Made { handle, reserved: None, held: Amount::ZERO });
    }

    fn handle(&mut self, id: &Id) -> Result<&mut Handle, Stop> {
        // The borrow of what is found would last through the error's making.
        if !self.live.contains_key(id) {
            return Err(Stop::Answer(self.gone(id)));
        }
        let made = self.live.get_mut(id);
        Ok(&mut made.expect("it was there a line before").handle)
    }

    fn connection(&self, id: &Id) -> Result<&ConnectionScope, Stop> {
        match self.live.get(id).map(|made| &made.handle) {
            Some(Handle::Connection(connection)) => Ok(connection),
            Some(other) => Err(wrong(id, other, "connection").into()),
            None => Err(Stop::Answer(self.gone(id))),
        }
    }

    fn stream(&self, id: &Id) -> Result<&StreamScope, Stop> {
        match self.live.get(id).map(|made| &made.handle) {
            Some(Handle::Stream(stream)) => Ok(stream),
            Some(other) => Err(wrong(id, other, "stream").into()),
            None => Err(Stop::Answer(self.gone(id))),
        }
    }

    /// Nothing to do for what is closed; an answer for what never was.
    fn unless_closed(&self, id: &Id) -> Result<(), Stop> {
        match self.gone.get(id) {
            Some(Gone::Closed) => Ok(()),
            Some(Gone::Refused) | None => Err(Stop::Answer(self.gone(id))),
        }
    }

    fn stop(&self, error: Error, opening: Option<&Id>) -> Stop {
        Stop::Answer(self.answer(error, opening))
    }
}

/// Takes a reservation apart, puts it together again and releases it.
fn divide(mut held: Reservation<'_>) -> Result<(), Error> {
    let half = held.split(half_of(held.amount()))?;
    held.shrink(half_of(held.amount()))?;
    let merged = held.merge(half);
    debug_assert!(merged.is_ok(), "both are of one scope");
    Ok(())
}

fn half_of(amount: Amount) -> Amount {
    let half = |count: u32| count / HALF as u32;
    Amount {
        memory: amount.memory / HALF,
        streams_inbound: half(amount.streams_inbound),
        streams_outbound: half(amount.streams_outbound),
        connections_inbound: half(amount.connections_inbound),
        connections_outbound: half(amount.connections_outbound),
        file_descriptors: half(amount.file_descriptors),
        tasks_high: half(amount.tasks_high),
        tasks_medium: half(amount.tasks_medium),
        tasks_low: half(amount.tasks_low),
    }
}

fn negative(scope: &ScopeName) -> Stop {
    Stop::Answer(Answer::new(ErrKind::Negative, Some(scope.to_string())))
}

fn wrong(id: &Id, is: &Handle, wanted: &'static str) -> Fault {
    Fault::WrongKind { id: id.clone(), is: is.kind(), wanted }
}
