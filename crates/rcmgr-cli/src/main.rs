//! The program `rcmgr`: shows the resource manager at work and its limits, and tries it on scripts.

mod args;
mod demo;
mod limits;
mod script;

use std::process::ExitCode;

use args::Command;

fn main() -> ExitCode {
    match args::parse() {
        Ok(Command::Demo(demo)) => demo::main(&demo),
        Ok(Command::Limits(command)) => limits::main(&command),
        Ok(Command::Script(command)) => script::main(&command),
        Err(code) => code,
    }
}
