//! Runs a command with a time limit, as GNU's `timeout` does, and leaves nothing of it behind.
//!
//! The program has no `main` of the standard library: what that does before it begins (ignore SIGPIPE, open what is closed)
//! could not be told any more from what this program was given, and that is what the command is to get.
#![cfg_attr(not(test), no_main)]
#![allow(unsafe_code, reason = "the C library calls `main`, and hands it pointers")]

mod cli;
mod containment;
mod duration;
mod end;
mod help;
mod members;
mod namespace;
mod quote;
mod report;
mod run;
mod say;
mod signals;
mod spawn;
mod sys;
mod watch;

use std::ffi::{CStr, c_char, c_int};

use cli::{Options, Request, Tree, Usage};
use end::{End, FAILED};
use report::Target;
use run::Command;
use say::Voice;
use watch::Watch;

/// Where the C library begins.
///
/// # Safety
///
/// - `words` points to `count` strings and a null, as it does when a program begins.
#[cfg_attr(not(test), unsafe(export_name = "main"))]
#[cfg_attr(test, allow(dead_code, reason = "the tests have a beginning of their own"))]
pub unsafe extern "C" fn begin(count: c_int, words: *const *const c_char) -> c_int {
    let count = usize::try_from(count).unwrap_or_default();
    let word = |at: usize| -> &'static [u8] {
        // SAFETY: there are `count` of them, and `at` is less.
        let place = unsafe { words.add(at) };
        // SAFETY: as above.
        let word = unsafe { *place };
        // SAFETY: it ends in a zero, and nobody changes it while this program runs.
        unsafe { CStr::from_ptr(word) }.to_bytes()
    };
    let all: Vec<_> = (0..count).map(word).collect();
    let name = all.first().map_or_else(|| "cease-timeout".into(), |name| String::from_utf8_lossy(name));
    let mut voice = Voice { name: &name, verbose: false };
    match cli::parse(&all) {
        Ok(Request::Help) => print(help::HELP, &voice),
        Ok(Request::Version) => print(help::VERSION, &voice),
        Ok(Request::Run(options, first)) => {
            voice.verbose = options.verbose;
            // SAFETY: a duration and a command were found, so there are more words than that.
            let pointers = unsafe { words.add(first) };
            start(&options, Command { words: &all[first..], pointers }, &voice).perform()
        }
        Err(Usage(text)) => {
            if !text.is_empty() {
                voice.say(&text);
            }
            let hint = format!("Try '{name} --help' for more information.\n");
            // There is nobody to tell when nobody can be told.
            let _ = sys::write(libc::STDERR_FILENO, hint.as_bytes());
            FAILED
        }
    }
}

fn start(options: &Options, command: Command<'_>, voice: &Voice<'_>) -> End {
    let target = match options.report.as_ref().map(|place| Target::open(place).map_err(|error| (place, error))) {
        None => None,
        Some(Ok(target)) => Some(target),
        Some(Err((place, error))) => {
            voice.say(&format!("cannot write the report to {place}: {}", sys::error_text(&error)));
            return End::Code(FAILED);
        }
    };
    let watch = Watch::begin();
    if !options.foreground {
        // Who leads a session leads a group already.
        let _ = rustix::process::setpgid(None, None);
    }
    if options.tree != Tree::PidNamespace {
        return run::run(options, command, watch, voice, target.as_ref());
    }
    namespace::run(watch, |watch| run::run(options, command, watch, voice, target.as_ref())).unwrap_or_else(|error| {
        voice.say(&format!("containment 'pidns' cannot be had: {}", sys::error_text(&error)));
        End::Code(FAILED)
    })
}

fn print(text: &str, voice: &Voice<'_>) -> c_int {
    match sys::write(libc::STDOUT_FILENO, text.as_bytes()) {
        Ok(()) => 0,
        Err(error) => {
            voice.say(&format!("write error: {}", sys::error_text(&error)));
            FAILED
        }
    }
}
