//! The program `rcmgr`: shows the resource manager at work, handles its limits and the connections of
//! a node, and tries it on scripts.

mod args;
mod attack;
mod connections;
mod demo;
mod limits;
mod node;
mod script;

use std::process::ExitCode;

use args::Command;

fn main() -> ExitCode {
    match args::parse() {
        Ok(Command::Demo(demo)) => match demo.attack {
            Some(which) => attack::main(&demo, which),
            None => demo::main(&demo),
        },
        Ok(Command::AttackParty) => attack::party::main(),
        Ok(Command::Node(node)) => node::main(&node),
        Ok(Command::Connections(command)) => connections::main(&command),
        Ok(Command::Limits(command)) => limits::main(&command),
        Ok(Command::Script(command)) => script::main(&command),
        Ok(Command::Completions { shell }) => args::completions(shell),
        Err(code) => code,
    }
}
