//! The account of a stream or connection, for as long as the application may use it.

use std::{marker::PhantomData, ops::Deref, sync::Arc};

/// The account of a stream, borrowed together with the stream, or of a connection, borrowed together
/// with the behaviour that knows it: see [`scope_of`](crate::scope_of()) and
/// [`Connections`](crate::Connections).
///
/// A stream cannot be used until this is dropped:
///
/// ```compile_fail,E0505
/// # use rcmgr_core::ResourceManager;
/// # fn f(mut stream: libp2p::Stream) {
/// let scope = rcmgr_libp2p::scope_of::<ResourceManager>(&mut stream);
/// drop(stream);
/// # }
/// ```
#[derive(Debug)]
pub struct AccountRef<'a, A> {
    account: Arc<A>,
    _owner: PhantomData<&'a mut ()>,
}

impl<A> AccountRef<'_, A> {
    pub(crate) fn new(account: Arc<A>) -> Self {
        AccountRef { account, _owner: PhantomData }
    }
}

/// Without this, a stream could be dropped after the last use of this and before its end, and its
/// account would stay open.
impl<A> Drop for AccountRef<'_, A> {
    fn drop(&mut self) {}
}

impl<A> Deref for AccountRef<'_, A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.account
    }
}
