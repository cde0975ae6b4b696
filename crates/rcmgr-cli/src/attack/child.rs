//! A process that plays a part, as whoever started it sees it. It is killed when this is dropped.

use std::{
    env,
    io::{self, BufRead as _, BufReader, Write as _},
    process::{Child as Process, ChildStdin, Command, Stdio},
    thread,
    time::Duration,
};

use tokio::{sync::mpsc, time::timeout};

use super::{
    message::{Answer, Order, Play},
    usage::Usage,
};

/// The hidden command of this program that plays a part.
pub const COMMAND: &str = "attack-party";

/// Answers that wait to be taken; a party gives one for each order.
const ANSWERS: usize = 16;

/// A party.
pub struct Child {
    process: Process,
    orders: ChildStdin,
    answers: mpsc::Receiver<io::Result<Answer>>,
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended by itself; and it is waited for, or it would stay as a zombie.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Child {
    /// Starts a party.
    ///
    /// # Errors
    /// The system does not start it.
    pub fn start(play: Play) -> io::Result<Child> {
        let mut process = Command::new(env::current_exe()?)
            .arg(COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let pipes = process.stdin.take().zip(process.stdout.take());
        let (orders, output) = pipes.expect("both were asked for");
        let (sender, answers) = mpsc::channel(ANSWERS);
        thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                let answer = line.and_then(|line| Ok(serde_json::from_str(&line)?));
                if sender.blocking_send(answer).is_err() {
                    return;
                }
            }
        });
        let mut child = Child { process, orders, answers };
        child.order(&Order::Play(play))?;
        Ok(child)
    }

    /// Says what is to be done.
    ///
    /// # Errors
    /// The party has gone.
    pub fn order(&mut self, order: &Order) -> io::Result<()> {
        let mut line = serde_json::to_vec(order)?;
        line.push(b'\n');
        self.orders.write_all(&line)?;
        self.orders.flush()
    }

    /// Waits for the next answer, which is to be of one kind.
    ///
    /// # Errors
    /// The party answers something else, has gone, or takes too long.
    pub async fn answer<T>(
        &mut self,
        patience: Duration,
        kind: impl FnOnce(Answer) -> Option<T>,
    ) -> io::Result<T> {
        let answer = match timeout(patience, self.answers.recv()).await {
            Ok(Some(answer)) => answer?,
            Ok(None) => return Err(io::Error::other("a party has gone")),
            Err(_) => return Err(io::Error::other("a party does not answer")),
        };
        let told = format!("{answer:?}");
        match answer {
            Answer::Failed(why) => Err(io::Error::other(why)),
            answer => kind(answer).ok_or_else(|| io::Error::other(format!("unexpected: {told}"))),
        }
    }

    /// What it takes of the machine.
    ///
    /// # Errors
    /// It has gone.
    pub fn usage(&self) -> io::Result<Usage> {
        Usage::of(self.process.id())
    }
}
