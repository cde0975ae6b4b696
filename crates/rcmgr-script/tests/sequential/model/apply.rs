//! What each operation does, by the rules of the model.

use rcmgr_core::{Amount, Limits, Name, PeerKey, Priority, ScopeId};
use rcmgr_script::{Id, Op, ScopeName};

use super::{Failure, Held, Model, Node, Request, Verdict, What, Why, sum};
use crate::ops::{ANNS, ANYONES, Handle, handle, with_addresses};

impl Model {
    /// Does `op`. What it makes is handle `new`; a scope that it makes has that number too.
    pub fn apply(&mut self, op: &Op, new: Handle) -> Verdict {
        let id = new as u64;
        match op {
            Op::OpenConn { dir, usefd, endpoint, .. } => {
                let ip = endpoint.ip();
                ip.map_or(Ok(()), |ip| self.admit_address(ip))?;
                let node = |allowlisted| Node::Connection { allowlisted, peer: None, ip };
                let unit =
                    Amount::connections((*dir).into(), 1).with_file_descriptors((*usefd).into());
                let scope = ScopeId::Connection(id);
                self.open(new, scope.clone(), node(false), unit).or_else(|refused| match ip {
                    Some(ANYONES | ANNS) => self.open(new, scope, node(true), unit),
                    _ => Err(refused),
                })
            }
            Op::OpenStream { peer, dir, .. } => {
                let peer = peer.as_bytes().into();
                let node = Node::Stream { peer, protocol: None, service: None };
                self.open(new, ScopeId::Stream(id), node, Amount::streams((*dir).into(), 1))
            }
            Op::View { scope: of, .. } => {
                self.make(new, What::Scope, self.scope(of), Amount::ZERO);
                Ok(())
            }
            Op::BeginSpan { of, .. } => {
                let owner = self.scope(of);
                self.nodes.insert(ScopeId::Span(id), Node::Span { owner });
                self.make(new, What::Scope, ScopeId::Span(id), Amount::ZERO);
                Ok(())
            }
            Op::Ledger { of, .. } => {
                let owner = self.scope(of);
                self.nodes.insert(ScopeId::Span(id), Node::Ledger { owner });
                self.make(new, What::Ledger, ScopeId::Span(id), Amount::ZERO);
                Ok(())
            }
            Op::SetPeer { id, peer } => self.set_peer(self.scope_of(id), peer.as_bytes().into()),
            Op::SetProtocol { id, proto, .. } => {
                let (scope, name) = (self.scope_of(id), Name::from(proto.as_str()));
                let Node::Stream { peer, protocol: None, .. } = self.nodes[&scope].clone() else {
                    return Err(Failure { scope, why: Why::AlreadyAttached });
                };
                let entered = [
                    ScopeId::Protocol(name.clone()),
                    ScopeId::PeerProtocol { peer: peer.clone(), protocol: name.clone() },
                ];
                let node = Node::Stream { peer, protocol: Some(name), service: None };
                self.move_leaf(scope, node, &entered)
            }
            Op::SetService { id, svc, .. } => {
                let (scope, name) = (self.scope_of(id), Name::from(svc.as_str()));
                match self.nodes[&scope].clone() {
                    Node::Stream { protocol: None, .. } => {
                        Err(Failure { scope, why: Why::NoProtocol })
                    }
                    Node::Stream { peer, protocol, service: None } => {
                        let entered = [
                            ScopeId::Service(name.clone()),
                            ScopeId::PeerService { peer: peer.clone(), service: name.clone() },
                        ];
                        let node = Node::Stream { peer, protocol, service: Some(name) };
                        self.move_leaf(scope, node, &entered)
                    }
                    _ => Err(Failure { scope, why: Why::AlreadyAttached }),
                }
            }
            Op::Hold { scope: of, size, prio, .. } => {
                let (scope, amount) = (self.scope(of), Amount::memory(*size));
                self.reserve(&scope, Request { amount, priority: Priority(*prio), memory: true })?;
                self.make(new, What::Reservation, scope, amount);
                Ok(())
            }
            Op::HoldAmount { scope: of, amount, prio, .. } => {
                let (scope, amount) = (self.scope(of), (*amount).into());
                self.reserve(&scope, Request::of(amount, Priority(*prio)))?;
                self.make(new, What::Reservation, scope, amount);
                Ok(())
            }
            Op::HoldBriefly { scope, amount, prio } => {
                self.reserve(&self.scope(scope), Request::of((*amount).into(), Priority(*prio)))
            }
            Op::Grow { id, amount, prio } => {
                let (book, amount) = (handle(id), (*amount).into());
                self.reserve(&self.scope_of(id), Request::of(amount, Priority(*prio)))?;
                let held = self.held(book);
                held.amount = sum(held.amount, amount);
                Ok(())
            }
            Op::Shrink { id, amount } => self.take(handle(id), (*amount).into()),
            Op::Split { from, amount, .. } => {
                let amount = (*amount).into();
                self.take(handle(from), amount)?;
                self.make(new, What::Reservation, self.scope_of(from), amount);
                Ok(())
            }
            Op::Merge { into, from } => {
                let scope = self.scope_of(into);
                if scope != self.scope_of(from) {
                    return Err(Failure { scope, why: Why::OtherScope });
                }
                let amount = self.close(handle(from)).amount;
                let held = self.held(handle(into));
                held.amount = sum(held.amount, amount);
                Ok(())
            }
            Op::Done { id } => {
                self.close(handle(id));
                Ok(())
            }
            Op::SetLimits { base, limits } => {
                let classes = Limits::from(**base);
                let limits = limits.over(&classes, |peer| peer.as_bytes().into());
                self.limits = with_addresses(limits);
                Ok(())
            }
            Op::SetLimit { scope, limit } => {
                self.own_limits.insert(self.scope(scope), (*limit).into());
                Ok(())
            }
            Op::ClearLimit { scope } => {
                self.own_limits.remove(&self.scope(scope));
                Ok(())
            }
            Op::Gc {} => Ok(()),
            other => unreachable!("{other:?} is not drawn"),
        }
    }

    fn set_peer(&mut self, scope: ScopeId, peer: PeerKey) -> Verdict {
        let Node::Connection { mut allowlisted, peer: None, ip } = self.nodes[&scope] else {
            return Err(Failure { scope, why: Why::AlreadyAttached });
        };
        let allowed = ip == Some(ANYONES) || ip == Some(ANNS) && *peer == *b"ann";
        if allowlisted && !allowed {
            allowlisted = false;
            let node = Node::Connection { allowlisted, peer: None, ip };
            self.move_leaf(scope.clone(), node, &[ScopeId::System, ScopeId::Transient])?;
        }
        let node = Node::Connection { allowlisted, peer: Some(peer.clone()), ip };
        self.move_leaf(scope, node, &[ScopeId::Peer(peer)])
    }

    fn open(&mut self, new: Handle, scope: ScopeId, node: Node, unit: Amount) -> Verdict {
        self.nodes.insert(scope.clone(), node);
        let verdict = self.admit(&self.path(&scope), &Request::of(unit, Priority::ALWAYS));
        match verdict {
            Ok(()) => self.make(new, What::Scope, scope, unit),
            Err(_) => drop(self.nodes.remove(&scope)),
        }
        verdict
    }

    /// Moves a leaf with all that it carries. Only the scopes that it enters are asked.
    fn move_leaf(&mut self, scope: ScopeId, node: Node, entered: &[ScopeId]) -> Verdict {
        let carried = self.usage()[&scope];
        self.admit(entered, &Request::of(carried, Priority::ALWAYS))?;
        self.nodes.insert(scope, node);
        Ok(())
    }

    fn reserve(&self, scope: &ScopeId, request: Request) -> Verdict {
        if self.memory_only(scope) && request.amount != Amount::memory(request.amount.memory) {
            return Err(Failure { scope: scope.clone(), why: Why::MemoryOnly });
        }
        // Asking for nothing asks no one.
        if request.asked().next().is_none() {
            return Ok(());
        }
        // The path ends at the first scope that is closed: those before it say what they have to
        // say, and it says that it is.
        let path = self.path(scope);
        self.limits_admit(&path, &request)?;
        self.not_closed(scope)?;
        self.counters_hold(&path, &request)
    }

    /// Takes `amount` out of what a reservation or ledger holds.
    fn take(&mut self, book: Handle, amount: Amount) -> Verdict {
        let held = self.held(book);
        match held.amount.checked_sub(amount) {
            Some(rest) => held.amount = rest,
            None => return Err(Failure { scope: held.scope.clone(), why: Why::NotHeld }),
        }
        Ok(())
    }

    fn close(&mut self, handle: Handle) -> Held {
        let held = self.handles.remove(&handle).expect("operations name live handles");
        // A view closes nothing: shared scopes have no node.
        if held.what != What::Reservation && self.nodes.contains_key(&held.scope) {
            self.own_limits.remove(&held.scope);
            self.closed.insert(held.scope.clone());
        }
        held
    }

    fn make(&mut self, new: Handle, what: What, scope: ScopeId, amount: Amount) {
        self.handles.insert(new, Held { what, scope, amount });
    }

    fn scope(&self, name: &ScopeName) -> ScopeId {
        match name {
            ScopeName::Shared(shared) => shared.id(),
            ScopeName::Id(id) => self.scope_of(id),
        }
    }

    fn scope_of(&self, id: &Id) -> ScopeId {
        self.handles[&handle(id)].scope.clone()
    }

    fn held(&mut self, handle: Handle) -> &mut Held {
        self.handles.get_mut(&handle).expect("operations name live handles")
    }
}
