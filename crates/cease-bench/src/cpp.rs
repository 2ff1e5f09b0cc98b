//! C++'s `std::stop_token` as a peer: a small program of our own, compiled on the spot and asked round by round.

use std::cell::{OnceCell, RefCell};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::{env, fs, process};

use crate::contender::Contender;

const SOURCE: &str = include_str!("stop_token.cpp");
/// The names of the compiler, of which the first that exists is taken.
const COMPILERS: [&str; 2] = ["c++", "g++"];
const OPTIONS: [&str; 3] = ["-O2", "-std=c++20", "-pthread"];

/// The program, compiled when it is first needed, or why there is none.
pub(crate) struct Cpp {
    program: OnceCell<Result<Rc<RefCell<Program>>, String>>,
}

impl Cpp {
    pub(crate) const fn new() -> Self {
        Self { program: OnceCell::new() }
    }

    /// A contender whose rounds are `count` operations of what the program calls `row`, or none when there is no program.
    pub(crate) fn contender(&self, name: &'static str, row: &'static str, count: u32) -> Option<Contender> {
        let program = self.program.get_or_init(|| build().map(|program| Rc::new(RefCell::new(program))));
        let program = Rc::clone(program.as_ref().ok()?);
        Some(Contender::fallible(name, move || program.borrow_mut().ask(row, count)))
    }

    /// Why C++ was not measured although it should have been.
    pub(crate) fn note(&self) -> Option<String> {
        self.program.get()?.as_ref().err().map(|reason| format!("C++ was not measured: {reason}"))
    }
}

/// The running program; it ends when its input does, and so also when this process ends.
struct Program {
    child: Child,
    /// `None` only while this is dropped.
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Program {
    fn start(path: &Path) -> io::Result<Self> {
        let mut child = Command::new(path).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let questions = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut program = Self { child, questions, answers };
        program.ask("poll", 1)?;
        Ok(program)
    }

    /// Has one round measured.
    fn ask(&mut self, row: &str, count: u32) -> io::Result<f64> {
        writeln!(self.questions.as_mut().expect("this is not dropped yet"), "{row} {count}")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        let no_number = |_| io::Error::other(format!("the C++ program answered `{}`", answer.trim_end()));
        answer.trim_end().parse().map_err(no_number)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.questions = None;
        if let Err(error) = self.child.wait() {
            eprintln!("cease-bench: the C++ program was not reaped: {error}");
        }
    }
}

/// Compiles the program and starts it, and leaves no file behind.
fn build() -> Result<Program, String> {
    let directory = temporary_directory().map_err(|error| format!("no temporary directory could be made: {error}"))?;
    let program = compile(&directory).and_then(|path| {
        Program::start(&path).map_err(|error| format!("the program was compiled, but does not run: {error}"))
    });
    if let Err(error) = fs::remove_dir_all(&directory) {
        eprintln!("cease-bench: {} was not removed: {error}", directory.display());
    }
    program
}

/// Makes a directory that nobody else has.
fn temporary_directory() -> io::Result<PathBuf> {
    let mut number = 0;
    loop {
        let path = env::temp_dir().join(format!("cease-bench-{}-{number}", process::id()));
        match fs::create_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            made => return made.map(|()| path),
        }
    }
}

/// Where the compiled program is.
fn compile(directory: &Path) -> Result<PathBuf, String> {
    let (source, program) = (directory.join("stop_token.cpp"), directory.join("stop_token"));
    fs::write(&source, SOURCE).map_err(|error| format!("its source could not be written: {error}"))?;
    for compiler in COMPILERS {
        let output = Command::new(compiler).args(OPTIONS).arg(&source).arg("-o").arg(&program).output();
        match output {
            Ok(output) if output.status.success() => return Ok(program),
            Ok(output) => {
                let stderr = String::from_utf8_lossy(&output.stderr);
                let first = stderr.lines().find(|line| line.contains("error")).or_else(|| stderr.lines().next());
                return Err(format!("`{compiler}` failed ({}): {}", output.status, first.unwrap_or("it says nothing")));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("`{compiler}` could not be started: {error}")),
        }
    }
    Err(format!("there is no C++ compiler ({})", COMPILERS.join(", ")))
}
