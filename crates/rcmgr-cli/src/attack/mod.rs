//! `rcmgr demo --attack`: attacks of real life on the demonstration's node, with limits and without.
//!
//! The node, the honest clients and the attackers are a process each; this one starts them, looks
//! at the node from outside, and says what was seen. What none of the limits can stop is told like
//! all else.

mod addresses;
mod attacker;
mod child;
mod cores;
mod honest;
mod judge;
mod kind;
mod limits;
mod machine;
mod message;
mod node;
mod page;
pub mod party;
mod report;
mod run;
mod sockets;
mod table;
mod usage;
mod words;

use std::{
    fs,
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use tokio::{runtime::Runtime, signal};

use self::{
    cores::Cores,
    judge::{Alone, LOAD, Outcome},
    machine::Machine,
    message::Load,
    report::Report,
    run::{Setting, Trial, run},
};
use crate::args::Demo;
pub use kind::Which;

/// How many honest clients keep their connection if nobody says.
const HONEST: u16 = 32;
/// Requests at once in the closed loop, for each client that keeps its connection.
const PRESSURE: u16 = 4;
/// The calibration takes this part of the duration for each of its two steps, and a second at least.
const CALIBRATION: u32 = 3;

/// Runs the attacks. The exit code is 1 when an aim with limits was missed, or nothing could run.
pub fn main(args: &Demo, which: Which) -> ExitCode {
    if !cfg!(target_os = "linux") {
        let told =
            "rcmgr: the attacks need the addresses of 127.0.0.0/8 and /proc, as Linux has them";
        // Nothing is left to be done when this cannot be told either.
        let _ = writeln!(io::stderr(), "{told}");
        return ExitCode::FAILURE;
    }
    let outcome = Runtime::new().and_then(|runtime| {
        runtime.block_on(async {
            tokio::select! {
                outcome = attack(args, which) => outcome,
                _ = signal::ctrl_c() => Err(io::Error::other("it was interrupted")),
            }
        })
    });
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Nothing is left to be done when this cannot be told either.
            let _ = writeln!(io::stderr(), "rcmgr: the attacks could not run: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all aims were met.
async fn attack(args: &Demo, which: Which) -> io::Result<bool> {
    let clients = args.honest.unwrap_or(HONEST);
    let setting = Setting { cores: Cores::divide(), seed: args.seed, clients };
    let machine = Machine::this();
    // Nobody reads any more when this fails; the exit code and the page are there still.
    let mut out = io::stdout();
    let mut tell = |lines: Vec<String>| {
        let _ = lines.iter().try_for_each(|line| writeln!(out, "{line}"));
    };
    tell(table::title(&setting, args.duration));
    let alone = calibrate(&setting, args.duration).await?;
    tell(table::alone(&alone, clients));
    let load = Load::Open { per_second: alone.capacity * LOAD };
    let mut outcomes = Vec::new();
    for attack in which.attacks() {
        let trial =
            |limited| Trial { limited, attack: Some(attack), load, duration: args.duration };
        let limited = match args.no_limits {
            true => None,
            false => Some(run(&setting, trial(true)).await?),
        };
        let unlimited = run(&setting, trial(false)).await?;
        let outcome = Outcome { attack, limited, unlimited };
        tell(table::outcome(&outcome, &alone));
        outcomes.push(outcome);
    }
    let report = Report {
        machine,
        apart: setting.cores.are_apart(),
        seed: args.seed,
        clients,
        duration: args.duration,
        alone,
        outcomes,
    };
    if let Some(path) = &args.report {
        fs::write(path, page::page(&report))?;
    }
    tell(table::verdict(&report));
    if args.json {
        tell(vec![report.json().to_string()]);
    }
    Ok(report.is_sound())
}

/// Finds out what the node serves alone, and what the load of the runs takes there.
async fn calibrate(setting: &Setting, duration: Duration) -> io::Result<Alone> {
    let duration = (duration / CALIBRATION).max(Duration::from_secs(1));
    let trial = |load| Trial { limited: true, attack: None, load, duration };
    let at_once = setting.clients.saturating_mul(PRESSURE);
    let pressed = run(setting, trial(Load::Closed { at_once })).await?;
    let capacity = pressed.served.served as f64 / pressed.served.seconds;
    let quiet = run(setting, trial(Load::Open { per_second: capacity * LOAD })).await?;
    Ok(Alone { capacity, busy: pressed.busy(), quiet })
}
