//! What reservations of several sizes cost with each granule.

use std::hint::black_box;

use rcmgr_benches::Work;
use rcmgr_benches::engine::Engine;
use rcmgr_benches::stream::Room;
use rcmgr_core::{Granule, Priority, StreamScope};

use crate::contest::{Scale, Table, size};

/// In bytes.
pub const GRANULES: [u64; 6] = [1, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20];

const SIZES: [u64; 4] = [512, 4 << 10, 64 << 10, 256 << 10];

const PRIORITIES: [(&str, Priority); 2] = [("ALWAYS", Priority::ALWAYS), ("HIGH", Priority::HIGH)];

/// Reserves and releases on one stream.
struct Reserving {
    stream: StreamScope,
    bytes: u64,
    priority: Priority,
}

impl Work for Reserving {
    fn run(&mut self, times: u64) {
        for _ in 0..times {
            let reserved = black_box(&self.stream).reserve_memory(self.bytes, self.priority);
            drop(black_box(reserved).expect("there is room"));
        }
    }
}

/// The granule of so many bytes.
pub fn granule(bytes: u64) -> Granule {
    Granule::new(bytes).expect("it is a power of two")
}

/// The heads of a column for each granule.
pub fn heads() -> [String; GRANULES.len()] {
    GRANULES.map(size)
}

fn works(granule: Granule, threads: usize, bytes: u64, priority: Priority) -> Vec<Box<dyn Work>> {
    let limits = Engine::limits(Room::Ample);
    let manager = rcmgr_core::ResourceManager::builder().limits(limits).granule(granule).build();
    let work = |_| {
        let stream = Engine::stream(&manager).expect("there is room");
        Box::new(Reserving { stream, bytes, priority }) as Box<dyn Work>
    };
    (0..threads).map(work).collect()
}

/// Times by priority, threads and size.
pub fn tables(scale: Scale) -> Vec<(&'static str, String)> {
    let heads = heads();
    let mut table =
        Table::new(&["priority", "threads", "reserved"], &heads.each_ref().map(String::as_str));
    for (name, priority) in PRIORITIES {
        for threads in [1, 2] {
            for bytes in SIZES {
                let works = |size: u64| works(granule(size), threads, bytes, priority);
                let ns = scale.contest(GRANULES.map(works));
                table.contest(&[name, &threads.to_string(), &size(bytes)], &ns);
            }
        }
    }
    vec![("granules", table.text())]
}
