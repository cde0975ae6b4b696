//! What each operation does, by the rules of the model.

use rcmgr_core::{Amount, Limits, Priority, ScopeId};

use super::{Failure, Held, Model, Node, Request, Verdict, What, Why, sum};
use crate::ops::{ANNS, ANYONES, Handle, Op};

impl Model {
    /// Does `op`. What it makes is handle `new`; a scope that it makes has that number too.
    pub fn apply(&mut self, op: &Op<Handle>, new: Handle) -> Verdict {
        let id = new as u64;
        match op {
            Op::OpenConnection(request) => {
                let ip = request.ip();
                ip.map_or(Ok(()), |ip| self.admit_address(ip))?;
                let node = |allowlisted| Node::Connection { allowlisted, peer: None, ip };
                let unit = Amount::connections(request.direction(), 1)
                    .with_file_descriptors(request.uses_file_descriptor().into());
                let scope = ScopeId::Connection(id);
                self.open(new, scope.clone(), node(false), unit).or_else(|refused| match ip {
                    Some(ANYONES | ANNS) => self.open(new, scope, node(true), unit),
                    _ => Err(refused),
                })
            }
            Op::OpenStream(peer, direction) => {
                let node = Node::Stream { peer: peer.clone(), protocol: None, service: None };
                self.open(new, ScopeId::Stream(id), node, Amount::streams(*direction, 1))
            }
            Op::View(scope) => {
                self.make(new, What::Scope, scope.clone(), Amount::ZERO);
                Ok(())
            }
            Op::BeginSpan(of) => {
                let owner = self.scope(*of);
                self.nodes.insert(ScopeId::Span(id), Node::Span { owner });
                self.make(new, What::Scope, ScopeId::Span(id), Amount::ZERO);
                Ok(())
            }
            Op::Ledger(of) => {
                let owner = self.scope(*of);
                self.nodes.insert(ScopeId::Span(id), Node::Ledger { owner });
                self.make(new, What::Ledger, ScopeId::Span(id), Amount::ZERO);
                Ok(())
            }
            Op::SetPeer(connection, peer) => {
                let scope = self.scope(*connection);
                let Node::Connection { mut allowlisted, peer: None, ip } = self.nodes[&scope]
                else {
                    return Err(Failure { scope, why: Why::AlreadyAttached });
                };
                let allowed = ip == Some(ANYONES) || ip == Some(ANNS) && &**peer == b"ann";
                if allowlisted && !allowed {
                    allowlisted = false;
                    let node = Node::Connection { allowlisted, peer: None, ip };
                    let entered = [ScopeId::System, ScopeId::Transient];
                    self.move_leaf(scope.clone(), node, &entered)?;
                }
                let node = Node::Connection { allowlisted, peer: Some(peer.clone()), ip };
                self.move_leaf(scope, node, &[ScopeId::Peer(peer.clone())])
            }
            Op::SetProtocol { stream, protocol: name, .. } => {
                let scope = self.scope(*stream);
                let Node::Stream { peer, protocol: None, .. } = self.nodes[&scope].clone() else {
                    return Err(Failure { scope, why: Why::AlreadyAttached });
                };
                let entered = [
                    ScopeId::Protocol(name.clone()),
                    ScopeId::PeerProtocol { peer: peer.clone(), protocol: name.clone() },
                ];
                let node = Node::Stream { peer, protocol: Some(name.clone()), service: None };
                self.move_leaf(scope, node, &entered)
            }
            Op::SetService { stream, service: name, .. } => {
                let scope = self.scope(*stream);
                match self.nodes[&scope].clone() {
                    Node::Stream { protocol: None, .. } => {
                        Err(Failure { scope, why: Why::NoProtocol })
                    }
                    Node::Stream { peer, protocol, service: None } => {
                        let entered = [
                            ScopeId::Service(name.clone()),
                            ScopeId::PeerService { peer: peer.clone(), service: name.clone() },
                        ];
                        let node = Node::Stream { peer, protocol, service: Some(name.clone()) };
                        self.move_leaf(scope, node, &entered)
                    }
                    _ => Err(Failure { scope, why: Why::AlreadyAttached }),
                }
            }
            Op::ReserveMemory(of, bytes, priority) => {
                let (scope, amount) = (self.scope(*of), Amount::memory(*bytes));
                self.reserve(&scope, Request { amount, priority: *priority, memory: true })?;
                self.make(new, What::Reservation, scope, amount);
                Ok(())
            }
            Op::Reserve(of, amount, priority) => {
                let scope = self.scope(*of);
                self.reserve(&scope, Request::of(*amount, *priority))?;
                self.make(new, What::Reservation, scope, *amount);
                Ok(())
            }
            Op::ReserveBriefly(of, amount, priority) => {
                self.reserve(&self.scope(*of), Request::of(*amount, *priority))
            }
            Op::Grow(book, amount, priority) => {
                self.reserve(&self.scope(*book), Request::of(*amount, *priority))?;
                let held = self.held(*book);
                held.amount = sum(held.amount, *amount);
                Ok(())
            }
            Op::Shrink(book, part) => self.take(*book, part.of(self.handles[book].amount)),
            Op::Split(book, part) => {
                let amount = part.of(self.handles[book].amount);
                self.take(*book, amount)?;
                self.make(new, What::Reservation, self.scope(*book), amount);
                Ok(())
            }
            Op::Merge { into, other, .. } => {
                if self.scope(*into) == self.scope(*other) {
                    let amount = self.close(*other).amount;
                    let held = self.held(*into);
                    held.amount = sum(held.amount, amount);
                }
                Ok(())
            }
            Op::Drop(handle) => {
                self.close(*handle);
                Ok(())
            }
            Op::SetLimits(limits) => {
                self.limits = Limits::clone(limits);
                Ok(())
            }
            Op::SetLimit(handle, limit) => {
                self.own_limits.insert(self.scope(*handle), **limit);
                Ok(())
            }
            Op::ClearLimit(handle) => {
                self.own_limits.remove(&self.scope(*handle));
                Ok(())
            }
            Op::Collect => Ok(()),
        }
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

    fn scope(&self, handle: Handle) -> ScopeId {
        self.handles[&handle].scope.clone()
    }

    fn held(&mut self, handle: Handle) -> &mut Held {
        self.handles.get_mut(&handle).expect("operations name live handles")
    }
}
