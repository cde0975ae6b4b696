//! The recorded files.
#![allow(dead_code, reason = "each test uses some of it")]

use rcmgr_config::libp2p::PartialLimits;
use rcmgr_core::Limits;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// What go-libp2p makes of its defaults for so many bytes and descriptors.
pub const SCALED: [(u64, u64); 3] = [(134217728, 256), (1073741824, 2048), (3221225472, 512)];

pub fn read<T: DeserializeOwned>(name: &str) -> T {
    let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect(&path);
    serde_json::from_str(&text).expect(&path)
}

/// A recorded result, but for the one figure that is a slip there.
pub fn expected(name: &str, memory: u64) -> Value {
    let mut expected: Value = read(name);
    let mebibytes = if memory > 128 << 20 { memory >> 20 } else { 0 };
    let recorded = (16 << 20) + ((4 * mebibytes) >> 10);
    let figure = &mut expected["ProtocolPeerDefault"]["Memory"];
    assert_eq!(*figure, json!(recorded.to_string()), "{name} has another slip");
    *figure = json!(((16 << 20) + (((4 << 20) * mebibytes) >> 10)).to_string());
    expected
}

/// Limits that a file has, over nothing.
pub fn limits(json: &Value) -> Limits {
    let partial: PartialLimits = serde_json::from_value(json.clone()).expect("it is one");
    partial.over(&Limits::default(), |peer| peer.as_bytes().into())
}
