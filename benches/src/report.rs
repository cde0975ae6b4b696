//! What is told of a run: a table and plots.

pub mod bars;
pub mod lines;
pub mod plots;
pub mod scale;
pub mod table;

use std::path::Path;
use std::{fs, io};

use crate::results::Results;

/// Writes `table.md` and the plots into a folder, which is made if it is not there.
///
/// # Errors
/// Where the folder or a file cannot be written.
pub fn write(results: &Results, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let plots = plots::write(results, folder)?;
    fs::write(folder.join("table.md"), table::render(results, &plots))
}
