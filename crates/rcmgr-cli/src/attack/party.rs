//! A process of a run: the node, the honest clients or the attackers. It is told what to do by lines
//! on its standard input, answers on its standard output, and ends when its input does, so that it
//! does not outlive whoever started it.

use std::{
    io::{self, BufRead as _, Write as _},
    process::{self, ExitCode},
    thread,
};

use tokio::{runtime::Runtime, sync::mpsc};

use super::{
    attacker, cores, honest,
    message::{Answer, Order, Play, Role},
    node,
};

/// Orders that are read ahead; nobody sends more than a few.
const READ_AHEAD: usize = 16;

/// Plays a part until its input ends.
pub fn main() -> ExitCode {
    match play() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Whoever would read it has gone when this fails.
            let _ = say(&Answer::Failed(error.to_string()));
            ExitCode::FAILURE
        }
    }
}

fn play() -> io::Result<()> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let Order::Play(Play { role, cores, seed }) = serde_json::from_str(&line)? else {
        return Err(io::Error::other("the first order is no part to play"));
    };
    // Before there are other threads, which take it over.
    cores::stay_on(&cores)?;
    match role {
        Role::Node { .. } => cores::bound_descriptors()?,
        Role::Honest(_) => cores::free_descriptors(),
        Role::Attacker { .. } => {
            cores::free_descriptors();
            cores::step_back();
        }
    }
    let orders = listen();
    Runtime::new()?.block_on(async {
        match role {
            Role::Node { limited } => node::play(limited, seed, orders).await,
            Role::Honest(honest) => honest::play(honest, seed, orders).await,
            Role::Attacker { attack, target } => {
                attacker::play(attack, &target, seed, orders).await
            }
        }
    })
}

/// The orders as they come. The process ends with them, whatever its runtime is busy with.
fn listen() -> mpsc::Receiver<Order> {
    let (sender, orders) = mpsc::channel(READ_AHEAD);
    thread::spawn(move || {
        for line in io::stdin().lines() {
            let Some(order) = line.ok().and_then(|line| serde_json::from_str(&line).ok()) else {
                break;
            };
            if sender.blocking_send(order).is_err() {
                break;
            }
        }
        process::exit(0);
    });
    orders
}

/// Answers in a line.
///
/// # Errors
/// Nobody reads any more.
pub fn say(answer: &Answer) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, answer)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Waits for the order to begin.
///
/// # Errors
/// Another order came.
pub async fn begin(orders: &mut mpsc::Receiver<Order>) -> io::Result<()> {
    match orders.recv().await {
        Some(Order::Begin) => Ok(()),
        other => Err(io::Error::other(format!("{other:?} came before the order to begin"))),
    }
}
