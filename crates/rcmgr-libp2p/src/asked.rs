//! The way from the handler of a connection to its muxer.
//!
//! Nothing that libp2p hands to a transport says which connection it is for, and nothing that it
//! hands to a behaviour says which muxer. But a connection polls its handler and its muxer one
//! after the other, in one task. So a handler leaves a note with its thread: what it is about, and
//! who is to be woken. The muxer that is polled next with the same waker is the one of this
//! connection, and takes the note.

use std::{
    any::Any,
    cell::RefCell,
    sync::Arc,
    task::{Context, Waker},
};

/// Who asks. One does not take the place of the other.
#[derive(Clone, Copy, Debug)]
pub enum Asking {
    /// For the account of the connection.
    Account,
    /// To be told of the streams of the connection.
    Streams,
}

/// What a handler leaves, which the muxer knows the type of.
pub trait Note: Any + Send + Sync {
    /// Who leaves it.
    const ASKING: Asking;

    /// Whether the muxer has taken it and done what it asks for.
    fn is_answered(&self) -> bool;
}

type Left = (Arc<dyn Any + Send + Sync>, Waker);
type Notes = RefCell<[Option<Left>; 2]>;

thread_local! {
    /// Of the connection whose handler was polled last, with its task.
    static NOTES: Notes = const { RefCell::new([None, None]) };
}

/// Leaves a note for the muxer of the connection whose handler is being polled.
pub(crate) fn leave<N: Note>(note: Arc<N>, cx: &Context<'_>) {
    let left: Option<Left> = Some((note, cx.waker().clone()));
    // A thread that is ending polls again elsewhere.
    let _ = NOTES.try_with(|notes| notes.borrow_mut()[N::ASKING as usize] = left);
}

/// Takes the note that the handler of the connection which is being polled has left, if it has and
/// if it is of this type; and the task of the connection, for the handler to be polled again.
pub(crate) fn take<N: Note>(cx: &Context<'_>) -> Option<(Arc<N>, Waker)> {
    let is_ours = |(note, task): &mut Left| task.will_wake(cx.waker()) && note.is::<N>();
    let taken = NOTES.try_with(|notes| notes.borrow_mut()[N::ASKING as usize].take_if(is_ours));
    let (note, task) = taken.ok().flatten()?;
    Some((note.downcast().ok()?, task))
}

#[cfg(test)]
mod tests {
    use std::task::Wake;

    use super::*;

    #[derive(Debug)]
    struct Account(u8);
    struct OtherAccount;
    struct Streams;

    macro_rules! note {
        ($note:ty, $asking:ident) => {
            impl Note for $note {
                const ASKING: Asking = Asking::$asking;

                fn is_answered(&self) -> bool {
                    false
                }
            }
        };
    }

    note!(Account, Account);
    note!(OtherAccount, Account);
    note!(Streams, Streams);

    struct Task;

    impl Wake for Task {
        fn wake(self: Arc<Self>) {}
    }

    #[test]
    fn a_note_is_taken_once_by_the_same_task_and_by_who_asks_for_its_type() {
        let [one, other] = [(); 2].map(|()| Waker::from(Arc::new(Task)));
        let (mut one, mut other) = (Context::from_waker(&one), Context::from_waker(&other));
        let (one, other) = (&mut one, &mut other);
        leave(Arc::new(Account(7)), one);
        leave(Arc::new(Streams), one);
        assert!(take::<Account>(other).is_none(), "it is another connection");
        assert!(take::<OtherAccount>(one).is_none());
        let (note, task) = take::<Account>(one).unwrap();
        assert_eq!(note.0, 7);
        assert!(task.will_wake(one.waker()));
        assert!(take::<Account>(one).is_none());
        assert!(take::<Streams>(one).is_some());
    }

    #[test]
    fn the_last_note_counts() {
        let task = Waker::from(Arc::new(Task));
        let cx = Context::from_waker(&task);
        leave(Arc::new(Account(1)), &cx);
        leave(Arc::new(Account(2)), &cx);
        assert_eq!(take::<Account>(&cx).map(|(note, _)| note.0), Some(2));
    }
}
