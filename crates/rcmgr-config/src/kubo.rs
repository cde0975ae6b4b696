//! Kubo's configuration: its blocks `Swarm.ResourceMgr` and `Swarm.ConnMgr`, amid all the rest.
//!
//! Limits come of them as in Kubo 0.39 and later (`createDefaultLimitConfig` in
//! `core/node/libp2p/rcmgr_defaults.go`): go-libp2p's defaults for the named services and
//! protocols, some limits of the system, and hardly any others. The overrides of Kubo, its file
//! `libp2p-resource-limit-overrides.json`, are in [go-libp2p's format](crate::libp2p) and to be
//! laid over as a file of their own. [`Refusal`] is the check that Kubo makes of the whole.

mod connection_manager;
mod limits;
mod refusal;
mod resource_manager;
mod write;

use std::sync::Arc;

pub use refusal::Refusal;
pub use write::write;

use crate::document::Node;
use crate::formats::Read;
use crate::reading::{Others, Reading};
use crate::{At, Base, Diagnostic, Machine, Said, Settings, Source};

/// Where a value that Kubo takes for granted stands.
const DEFAULT: At = At::Default("Kubo");

/// Reads a configuration of Kubo. What it does not say is Kubo's default, which is made of the
/// memory and the descriptors of the machine: half of each. The memory is what this process may
/// use, where Kubo takes all that is in the machine.
///
/// # Errors
/// All that is wrong, and the warnings. A machine that does not tell what it has is an error if
/// that is not said.
pub fn read(
    source: &Arc<Source>,
    tree: &Node,
    machine: &dyn Machine,
) -> Result<Read, Vec<Diagnostic>> {
    let mut reading = Reading::of(source);
    let mut settings = Settings::default();
    let [swarm] = reading.top(tree, "a configuration of Kubo", ["Swarm"], Others::Ignored);
    let keys = ["ResourceMgr", "ConnMgr"];
    let [resources, connections] = match swarm {
        Some(swarm) => reading.fields(&swarm.value, &swarm.key, keys, Others::Ignored),
        None => [None; 2],
    };
    if resources.is_none() && connections.is_none() {
        let help = "what is read is Kubo's defaults; limits stand in Swarm.ResourceMgr";
        reading.warning(tree.span, "it says nothing of limits", help);
    }
    let manager = connection_manager::read(&mut reading, connections);
    let resources = resource_manager::read(&mut reading, resources);
    settings.connection_manager = manager.settings.clone();
    match &resources.disabled {
        Some(at) => settings.base = Some(Said::new(Base::Unlimited, at.clone())),
        None => {
            let given = resources.given(machine);
            match given {
                Ok(given) => limits::set(&mut settings, &given, &manager),
                Err(error) => {
                    let help = "say Swarm.ResourceMgr.MaxMemory and MaxFileDescriptors";
                    reading.error(tree.span, error.to_string(), help);
                }
            }
            settings.allowlist = resources.allowlist;
        }
    }
    reading.finish(settings)
}
