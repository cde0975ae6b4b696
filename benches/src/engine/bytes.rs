//! What the engine takes in memory.

use rcmgr_core::{
    ConnectionRequest, ConnectionScope, Direction, Error, ResourceManager, Span, StreamScope,
};

use super::{Engine, PROTOCOL, SERVICE, Variant};
use crate::keys::Key;
use crate::stream::Room;
use crate::{Scenario, Timed, Work, keys};

/// Makes items and keeps them, in a place that is as large as they are.
struct Kept<T, F> {
    make: F,
    made: u64,
    items: Vec<T>,
}

impl<T, F> Work for Kept<T, F>
where
    T: Send,
    F: Fn(u64) -> Result<T, Error> + Send,
{
    fn run(&mut self, times: u64) {
        self.items.reserve_exact(times as usize);
        for _ in 0..times {
            self.items.push((self.make)(self.made).expect("there is room for the item"));
            self.made += 1;
        }
    }
}

fn kept<T: Send + 'static>(
    make: impl Fn(u64) -> Result<T, Error> + Send + 'static,
) -> Result<Timed, Error> {
    // What is made once is there before the items are counted.
    let first = make(0)?;
    let kept = Kept { make, made: 1, items: vec![first] };
    Ok(Timed::Here(vec![Box::new(kept)]))
}

/// The work of a scenario that counts bytes.
pub fn work(variant: Variant, scenario: Scenario) -> Result<Timed, Error> {
    let manager = variant.manager(Engine::limits(Room::Ample), 0);
    match scenario {
        Scenario::BytesConnection => kept(move |_| connection(&manager)),
        Scenario::BytesSpan => {
            let stream = stream(&manager, &keys::peer(0))?;
            kept(move |_| -> Result<Span, Error> { stream.begin_span() })
        }
        Scenario::BytesPeerStream => kept(move |number| stream(&manager, &keys::peer(number))),
        _ => kept(move |_| stream(&manager, &keys::peer(0))),
    }
}

fn stream(manager: &ResourceManager, peer: &Key) -> Result<StreamScope, Error> {
    let stream = manager.open_stream(peer, Direction::Inbound)?;
    stream.set_protocol(PROTOCOL)?;
    stream.set_service(SERVICE)?;
    Ok(stream)
}

fn connection(manager: &ResourceManager) -> Result<ConnectionScope, Error> {
    let connection =
        manager.open_connection(ConnectionRequest::inbound().with_file_descriptor())?;
    connection.set_peer(&keys::peer(0))?;
    Ok(connection)
}
