//! The program `rcmgr`: shows the resource manager at work, and tries it on scripts.

mod args;
mod demo;
mod script;

use std::process::ExitCode;

use args::Command;

fn main() -> ExitCode {
    match args::parse() {
        Ok(Command::Demo(demo)) => demo::main(&demo),
        Ok(Command::Script(command)) => script::main(&command),
        Err(code) => code,
    }
}
