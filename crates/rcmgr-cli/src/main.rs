//! The program `rcmgr`: shows the resource manager at work.

mod args;
mod demo;

use std::process::ExitCode;

use args::Command;

fn main() -> ExitCode {
    match args::parse() {
        Ok(Command::Demo(demo)) => demo::main(&demo),
        Err(code) => code,
    }
}
