//! Faults of the engine.

use crate::mutation::Mutation;

/// In files of `crates/rcmgr-core/src`.
pub const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "skip the undo of a refused charge",
        file: "path.rs",
        find: "uncharge(nodes.clone().take_while(is_before), &request.amount);",
        put: "",
    },
    Mutation {
        name: "leave one scope out of the undo",
        file: "path.rs",
        find: "uncharge(nodes.clone().take_while(is_before), &request.amount);",
        put: "uncharge(nodes.clone().take_while(is_before).skip(1), &request.amount);",
    },
    Mutation {
        name: "commit before charging",
        file: "leaf.rs",
        find: "let Some(charged) = self.charge_path(seen, path, request)? else {\n            return Ok(false);\n        };\n        let generation = seen.generation();",
        put: "let generation = seen.generation();
        if let Some(sum) = seen.bytes_with(bytes).filter(|_| self.granule.is_exact()) {
            let new = seen.using(sum, sum, self.granule);
            if self.route.replace(seen, new).is_ok() {
                return match path.charge(request) {
                    Ok(()) => Ok(true),
                    Err(error) => {
                        let _ = self.route.replace(new, seen);
                        Err(error)
                    }
                };
            }
        }
        let Some(charged) = self.charge_path(seen, path, request)? else {
            return Ok(false);
        };",
    },
    Mutation {
        name: "ignore the generation at commit",
        file: "leaf.rs",
        find: "Err(now) if now.generation() != generation => {",
        put: "Err(now) if now.is_closed() => {",
    },
    Mutation {
        name: "do not undo when the leaf has moved",
        file: "leaf.rs",
        find: "Err(now) if now.generation() != generation => {\n                            uncharge(path.all(), &Amount::memory(charged));",
        put: "Err(now) if now.generation() != generation => {",
    },
    Mutation {
        name: "let a refusal by a scope that was left stand",
        file: "leaf.rs",
        find: "Err(_) if !self.route.is_still_at(seen) => {}\n                Err(error) => return Err(error),\n                Ok(()) => {",
        put: "Err(error) => return Err(error),\n                Ok(()) => {",
    },
    Mutation {
        name: "Relaxed where the look refuses",
        file: "counters.rs",
        find: "let word = Word::<SPAN>(self.word(kind).look(Ordering::Acquire));\n        if word.is_closed()",
        put: "let word = Word::<SPAN>(self.word(kind).look(Ordering::Relaxed));\n        if word.is_closed()",
    },
    Mutation {
        name: "release along the path of the look, not of the exchange",
        file: "leaf.rs",
        find: "Some(now) => (seen, path) = now,",
        put: "Some(now) => seen = now.0,",
    },
    Mutation {
        name: "a move uncharges nothing of the old path",
        file: "leaf.rs",
        find: "uncharge(old.left_for(next), &unit.with_memory(seen.bytes()));",
        put: "let _ = (old, next);",
    },
    Mutation {
        name: "a move forgets what was reserved meanwhile",
        file: "leaf.rs",
        find: "if now.bytes() > seen.bytes() {",
        put: "if now.bytes() > seen.bytes() && false {",
    },
    Mutation {
        name: "a mover overwrites a claimed slot",
        file: "route.rs",
        find: "match slot.compare_exchange(
            core::ptr::null_mut(),
            new,
            Ordering::Acquire,
            Ordering::Relaxed,
        ) {",
        put: "slot.store(new, Ordering::Release);
        match Ok::<_, ()>(()) {",
    },
    Mutation {
        name: "a refused mover keeps its claim",
        file: "route.rs",
        find: "self.slot.store(core::ptr::null_mut(), Ordering::Release);\n        // SAFETY: the claim put `path`, from `SharedPath::into_raw`, into the slot and has just\n        // taken it out; its generation was not published, so by the rule of this module nobody\n        // read it.\n        drop(Pinned::assume(unsafe { SharedPath::from_raw(self.path) }));",
        put: "",
    },
    Mutation {
        name: "close without taking out",
        file: "leaf.rs",
        find: "let charged = taken.word.charged(self.granule);",
        put: "let charged = taken.word.charged(self.granule) * 0;",
    },
    Mutation {
        name: "close again what is closed",
        file: "route.rs",
        find: "            let Some(path) = self.path_of(seen) else {\n                return false;\n            };\n            // AcqRel and Acquire",
        put: "            let path = match self.path_of(seen) {\n                Some(path) => path,\n                None => self.path_of(LeafWord::new(0, 0)).unwrap(),\n            };\n            // AcqRel and Acquire",
    },
    Mutation {
        name: "publish a path with Relaxed",
        file: "route.rs",
        find: "seen.next_generation().0,\n            Ordering::AcqRel,",
        put: "seen.next_generation().0,\n            Ordering::Relaxed,",
    },
    Mutation {
        name: "commit with Relaxed",
        file: "route.rs",
        find: ".compare_exchange(seen.0, new.0, Ordering::AcqRel, Ordering::Acquire)",
        put: ".compare_exchange(seen.0, new.0, Ordering::Relaxed, Ordering::Relaxed)",
    },
    Mutation {
        name: "charge a granule and commit the bytes alone",
        file: "leaf.rs",
        find: "return Ok(Some(charged));",
        put: "return Ok(Some(missing));",
    },
    Mutation {
        name: "charge a granule or nothing",
        file: "leaf.rs",
        find: "path.charge_memory(&above(missing, request)).map_err(|error| error.of_more(bytes))?;\n        if caution {",
        put: "let missing = self.granule.round_up(missing);\n        path.charge_memory(&above(missing, request)).map_err(|error| error.of_more(bytes))?;\n        if caution {",
    },
    Mutation {
        name: "charge in granules although a scope has refused",
        file: "leaf.rs",
        find: "if !caution && let Some(charged)",
        put: "if let Some(charged)",
    },
    Mutation {
        name: "use what is not charged",
        file: "leaf.rs",
        find: ".filter(|sum| *sum <= charged)",
        put: "",
    },
    Mutation {
        name: "use what is idle at any priority",
        file: "leaf.rs",
        find: "if self.granule.is_exact() || request.priority != Priority::ALWAYS {",
        put: "if self.granule.is_exact() {",
    },
    Mutation {
        name: "leave out the look for what is idle at any priority",
        file: "leaf.rs",
        find: "if request.priority == Priority::ALWAYS && bytes != 0 {",
        put: "if true {",
    },
    Mutation {
        name: "commit though another uses what was idle",
        file: "leaf.rs",
        find: "if total < sum {
                        uncharge(path.all(), &Amount::memory(charged));
                        return Ok(false);
                    }",
        put: "let total = total.max(sum);",
    },
    Mutation {
        name: "do not undo where another uses what was idle",
        file: "leaf.rs",
        find: "if total < sum {\n                        uncharge(path.all(), &Amount::memory(charged));",
        put: "if total < sum {",
    },
    Mutation {
        name: "a commit gives nothing back of what two have charged",
        file: "leaf.rs",
        find: "uncharge_idle(path, total - new.charged(self.granule));",
        put: "",
    },
    Mutation {
        name: "a release gives back what it keeps",
        file: "leaf.rs",
        find: "return uncharge_idle(path, charged - new.charged(self.granule));",
        put: "return uncharge_idle(path, charged - rest);",
    },
    Mutation {
        name: "give back before the word says so",
        file: "leaf.rs",
        find: "let new = seen.using(rest, kept, self.granule);
            match self.route.replace(seen, new) {
                Ok(()) => {",
        put: "let new = seen.using(rest, kept, self.granule);
            uncharge_idle(path, charged - new.charged(self.granule));
            match self.route.replace(seen, new) {
                Ok(()) => {
                    let charged = new.charged(self.granule);",
    },
    Mutation {
        name: "keep what is idle although a scope has refused",
        file: "leaf.rs",
        find: "!signals.caution && signals.changes",
        put: "signals.changes",
    },
    Mutation {
        name: "keep what is idle although limits have changed",
        file: "leaf.rs",
        find: "!signals.caution && signals.changes == self.changes.get()",
        put: "!signals.caution",
    },
    Mutation {
        name: "note that idle bytes were given back before they are",
        file: "leaf.rs",
        find: "let kept = if keeps { charged } else { rest };",
        put: "if let Some(signals) = signals {
                self.changes.set(signals.changes);
            }
            let kept = if keeps { charged } else { rest };",
    },
    Mutation {
        name: "a close gives back what is used, not what is charged",
        file: "leaf.rs",
        find: "let charged = taken.word.charged(self.granule);",
        put: "let charged = taken.word.bytes();",
    },
    Mutation {
        name: "a move carries what is idle",
        file: "leaf.rs",
        find: "let (mut seen, old) = self.give_idle_back()?;",
        put: "let (mut seen, old) = self.load()?;",
    },
    Mutation {
        name: "a move carries what became idle meanwhile",
        file: "leaf.rs",
        find: "let (now, _) = self.give_idle_back().inspect_err(",
        put: "let (now, _) = self.load().inspect_err(",
    },
    Mutation {
        name: "a move is refused for what is idle",
        file: "leaf.rs",
        find: "look.at(claim.path().entered(), &request)?;",
        put: "let rounded = unit.with_memory(self.granule.round_up(seen.bytes()));
        look.at(claim.path().entered(), &Request::all(snapshot, rounded, Priority::ALWAYS))?;",
    },
    Mutation {
        name: "give back what is idle without an exchange",
        file: "leaf.rs",
        find: "match self.route.replace(seen, new) {
                Ok(()) => {
                    uncharge_idle(path, seen.charged(self.granule) - new.bytes());",
        put: "match self.route.replace(seen, new).or(Ok::<_, LeafWord>(())) {
                Ok(()) => {
                    uncharge_idle(path, seen.charged(self.granule) - new.bytes());",
    },
    Mutation {
        name: "take what was charged exactly for a granule",
        file: "word.rs",
        find: "charged < rounded {\n            Slack::Exact",
        put: "charged < rounded {\n            if granule.is_exact() { Slack::Exact } else { Slack::Rounded }",
    },
    Mutation {
        name: "a ledger's release forgets what it put back",
        file: "span_state.rs",
        find: "self.put_back(kinds.take(taken), amount);",
        put: "let _ = taken;",
    },
    Mutation {
        name: "a ledger's part is lost when its word was closed meanwhile",
        file: "span_state.rs",
        find: "kind.put(&mut back, kind.part(amount));\n                self.owner.by_ref().release_from_span(&back);",
        put: "kind.put(&mut back, kind.part(amount));",
    },
    Mutation {
        name: "a span's undo gives back what its closer took",
        file: "span_state.rs",
        find: "if request.asks(kind) && self.counters.take(kind, part).is_err() {",
        put: "if request.asks(kind) && self.counters.take(kind, part).is_err() && false {",
    },
    Mutation {
        name: "a span's undo forgets the words it had committed",
        file: "span_state.rs",
        find: "if request.asks(kind) && self.counters.take(kind, part).is_err() {",
        put: "if request.asks(kind) && { let _ = self.counters.take(kind, part); true } {",
    },
    Mutation {
        name: "collect by counters instead of pins",
        file: "registry.rs",
        find: "if entry.life().is_some_and(Lifecycle::close) {",
        put: "let own = match entry.kind() {
                PathKind::StreamProtocol | PathKind::StreamService => 1,
                _ => 0,
            };
            if entry.node(own).is_some_and(|node| node.counters().held().is_zero()) {",
    },
    Mutation {
        name: "pin what is closed",
        file: "registry.rs",
        find: "entry.life().is_none_or(Lifecycle::pin)",
        put: "entry.life().is_none_or(|life| life.pin() || true)",
    },
    Mutation {
        name: "subtract from the whole word, not per field",
        file: "word.rs",
        find: "match fields[at].checked_sub(less[at]) {\n                Some(rest) => fields[at] = rest,\n                None => return None,\n            }",
        put: "fields[at] = fields[at].wrapping_sub(less[at]) & mask(kind.widths(SPAN)[at]);",
    },
    Mutation {
        name: "admit the fields of a word one after the other",
        file: "counters.rs",
        find: "let sum = word.add(kind, more).map_err(Stop::Full)?;",
        put: "let sum = word.add(kind, more).map_err(Stop::Full)?;
            if more[2] != 0 {
                let first = word.add(kind, [more[0], more[1], 0]).map_err(Stop::Full)?;
                if cell.compare_exchange(seen, first.0, Ordering::AcqRel, Ordering::Acquire).is_err() {
                    seen = cell.load(Ordering::Acquire);
                    continue;
                }
                cell.fetch_add(sum.0 - first.0, Ordering::AcqRel);
                return Ok(());
            }",
    },
    Mutation {
        name: "swap the limits without a look at who swapped before",
        file: "snapshot.rs",
        find: "let parts = self.swap.update(|now| Arc::new(change(now))).parts.clone();",
        put: "let seen = self.swap.load();
        let parts = self.swap.update(|_| Arc::new(change(&seen))).parts.clone();",
    },
    Mutation {
        name: "publish prepared limits without those that were set meanwhile",
        file: "snapshot.rs",
        find: "now.with_places(prepared.with_set(now.places.set()))",
        put: "now.with_places(prepared.clone())",
    },
    Mutation {
        name: "require a priority without a look at who swapped before",
        file: "snapshot.rs",
        find: "self.swap.update(|now| Arc::new(now.with_required_priority(priority)));",
        put: "let seen = self.swap.load();
        self.swap.update(|_| Arc::new(seen.with_required_priority(priority)));",
    },
    Mutation {
        name: "forget the required priority with the limits that are replaced",
        file: "snapshot.rs",
        find: "Self::of(places, rules, set_on_handles, observer, self.required_priority)",
        put: "Self::of(places, rules, set_on_handles, observer, Priority::LOWEST)",
    },
    Mutation {
        name: "let go of replaced limits that a thread goes by",
        file: "snapshot.rs",
        find: "self.replaced.push(parts);\n        self.collect();",
        put: "drop(parts);",
    },
    Mutation {
        name: "forget replaced limits once they were looked at",
        file: "snapshot.rs",
        find: "if Arc::strong_count(&parts) > 1 {",
        put: "if false {",
    },
    Mutation {
        name: "find a dead slot with Relaxed",
        file: "admission/slots.rs",
        find: "let mut seen = self.count.load(Ordering::Acquire);",
        put: "let mut seen = self.count.load(Ordering::Relaxed);",
    },
    Mutation {
        name: "give a slot back with Relaxed",
        file: "admission/slots.rs",
        find: "slot.count.fetch_sub(1, Ordering::Release)",
        put: "slot.count.fetch_sub(1, Ordering::Relaxed)",
    },
    Mutation {
        name: "give a slot back before the scopes",
        file: "connection.rs",
        find: "        self.leaf.close();\n        // After",
        put: "        if let Some(origin) = self.origin.take() {
            self.core.tables().give_back(&origin.held);
        }
        self.leaf.close();\n        // After",
    },
    Mutation {
        name: "keep the slot of a connection that a scope refuses",
        file: "admission/mod.rs",
        find: "        self.tables.give_back(&self.held);\n    }\n}",
        put: "        let _ = (self.tables, &self.held);\n    }\n}",
    },
    Mutation {
        name: "count in a dead slot",
        file: "admission/slots.rs",
        find: "if seen == 0 {",
        put: "if seen == u64::MAX {",
    },
    Mutation {
        name: "forget a bucket that is counted in",
        file: "admission/buckets.rs",
        find: "        while seen <= idle {
            match self.word.compare_exchange(seen, DEAD, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),",
        put: "        while seen <= idle {
            self.word.fetch_or(DEAD, Ordering::Relaxed);
            match Ok::<_, u64>(()) {
                Ok(_) => return Ok(()),",
    },
    Mutation {
        name: "keep the token of the wide rate though the narrow one refuses",
        file: "admission/rates.rs",
        find: "others.take(counted).chain([last]).for_each(|asked| asked.refund(buckets));",
        put: "let _ = counted;",
    },
];
