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
pub(crate) enum Asking {
    /// For the account of the connection.
    Account,
    /// To be told of the streams of the connection.
    Streams,
}

/// What a handler leaves, which the muxer knows the type of.
type Note = Arc<dyn Any + Send + Sync>;
type Notes = RefCell<[Option<(Note, Waker)>; 2]>;

thread_local! {
    /// Of the connection whose handler was polled last, with its task.
    static NOTES: Notes = const { RefCell::new([None, None]) };
}

/// Leaves a note for the muxer of the connection whose handler is being polled.
pub(crate) fn leave(asking: Asking, note: Note, cx: &Context<'_>) {
    let left = Some((note, cx.waker().clone()));
    // A thread that is ending polls again elsewhere.
    let _ = NOTES.try_with(|notes| notes.borrow_mut()[asking as usize] = left);
}

/// Takes the note that the handler of the connection which is being polled has left, if it has and
/// if it is of this type; and the task of the connection, for the handler to be polled again.
pub(crate) fn take<T: Any + Send + Sync>(
    asking: Asking,
    cx: &Context<'_>,
) -> Option<(Arc<T>, Waker)> {
    let is_ours = |(note, task): &mut (Note, Waker)| task.will_wake(cx.waker()) && note.is::<T>();
    let taken = NOTES.try_with(|notes| notes.borrow_mut()[asking as usize].take_if(is_ours));
    let (note, task) = taken.ok().flatten()?;
    Some((note.downcast().ok()?, task))
}

#[cfg(test)]
mod tests {
    use std::task::Wake;

    use super::*;

    struct Task;

    impl Wake for Task {
        fn wake(self: Arc<Self>) {}
    }

    #[test]
    fn a_note_is_taken_once_by_the_same_task_and_by_who_asks_for_its_type() {
        let [one, other] = [(); 2].map(|()| Waker::from(Arc::new(Task)));
        let (mut one, mut other) = (Context::from_waker(&one), Context::from_waker(&other));
        let (one, other) = (&mut one, &mut other);
        leave(Asking::Streams, Arc::new(7u8), one);
        leave(Asking::Account, Arc::new("account"), one);
        assert!(take::<u8>(Asking::Streams, other).is_none(), "it is another connection");
        assert!(take::<u16>(Asking::Streams, one).is_none());
        assert!(take::<u8>(Asking::Account, one).is_none());
        let (note, task) = take::<u8>(Asking::Streams, one).unwrap();
        assert_eq!(*note, 7);
        assert!(task.will_wake(one.waker()));
        assert!(take::<u8>(Asking::Streams, one).is_none());
        assert!(take::<&str>(Asking::Account, one).is_some());
    }

    #[test]
    fn the_last_note_counts() {
        let task = Waker::from(Arc::new(Task));
        let cx = Context::from_waker(&task);
        leave(Asking::Account, Arc::new(1u8), &cx);
        leave(Asking::Account, Arc::new(2u8), &cx);
        assert_eq!(take::<u8>(Asking::Account, &cx).map(|(note, _)| *note), Some(2));
    }
}
