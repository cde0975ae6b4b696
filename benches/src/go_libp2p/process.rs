//! A process that answers each line with a line.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What would change how fast Go is, or what go-libp2p logs.
const SETTINGS: [&str; 5] = ["GODEBUG", "GOGC", "GOLOG_LOG_LEVEL", "GOMAXPROCS", "GOMEMLIMIT"];

/// It leaves when this is dropped.
pub struct Process {
    child: Child,
    /// `None` once it shall leave.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// Starts a program under Go's own settings.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start(program: &Path) -> Self {
        let mut command = Command::new(program);
        SETTINGS.iter().for_each(|setting| {
            command.env_remove(setting);
        });
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = started.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        Process { child, input, output }
    }

    /// The answer to one line, without its end.
    ///
    /// # Panics
    /// If there is none. Why, the process has said on its standard error.
    pub fn ask(&mut self, request: &str) -> String {
        let mut answer = String::new();
        let asked = self.input.as_mut().map(|input| writeln!(input, "{request}"));
        if let Some(Ok(())) = asked {
            // A line that cannot be read is as bad as none.
            let _ = self.output.read_line(&mut answer);
        }
        let whole = answer.strip_suffix('\n');
        whole.unwrap_or_else(|| panic!("no answer to {request:?}")).to_owned()
    }

    /// The numbers of an answer, each after its word, if it has one.
    ///
    /// # Panics
    /// If the answer is another one.
    pub fn numbers<const N: usize>(&mut self, request: &str, words: [&str; N]) -> [f64; N] {
        let answer = self.ask(request);
        let mut rest = answer.split(' ');
        let numbers = words.map(|word| {
            let is_named = word.is_empty() || rest.next() == Some(word);
            let number = rest.next().and_then(|number| number.parse().ok());
            number.filter(|_| is_named)
        });
        let known = numbers.iter().all(Option::is_some) && rest.next().is_none();
        assert!(known, "{request:?} is answered by {answer:?}");
        numbers.map(Option::unwrap_or_default)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.input = None;
        // Nothing can be done if it does not, and nothing needs to be.
        let _ = self.child.wait();
    }
}
