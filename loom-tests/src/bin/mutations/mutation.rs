//! A fault, and where it is put.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use crate::{engine, locks};

/// The sources that the models compile.
#[derive(Clone, Copy)]
pub struct Sources {
    /// Where they are, from the root of the workspace.
    pub directory: &'static str,
    pub mutations: &'static [Mutation],
}

pub const SOURCES: [Sources; 2] = [
    Sources { directory: "crates/rcmgr-core/src", mutations: engine::MUTATIONS },
    Sources { directory: "crates/rcmgr-connmgr/src", mutations: locks::MUTATIONS },
];

/// One fault: in `file` of its sources, `find` (which stands there exactly once) becomes `put`.
pub struct Mutation {
    pub name: &'static str,
    pub file: &'static str,
    pub find: &'static str,
    pub put: &'static str,
}

impl Sources {
    /// The file that a mutation changes, and what is in there.
    pub fn read(
        &self,
        root: &Path,
        mutation: &Mutation,
    ) -> Result<(PathBuf, String), Box<dyn Error>> {
        let Mutation { name, file, find, .. } = mutation;
        let path = root.join(self.directory).join(file);
        let source = fs::read_to_string(&path).map_err(|error| format!("{file}: {error}"))?;
        match source.matches(find).count() {
            1 => Ok((path, source)),
            found => Err(format!("`{name}`: its text stands {found} times, not once").into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_stands_in_its_file_once() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for sources in SOURCES {
            for mutation in sources.mutations {
                if let Err(error) = sources.read(&root, mutation) {
                    panic!("{error}");
                }
            }
        }
    }
}
