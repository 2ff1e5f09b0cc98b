//! The command line, read as GNU's `timeout` reads its own: long options may be shortened, and options end at the duration.

use std::fmt;

use crate::duration::{self, Limit};
use crate::quote::quote;
use crate::signals::Signal;

/// How long the command has between the signal and KILL, when nobody says.
const GRACE: Limit = Limit::After(std::time::Duration::from_secs(5));

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Run the command whose words begin at this argument.
    Run(Options, usize),
    Help,
    Version,
}

/// How the command is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) limit: Limit,
    pub(crate) signal: Signal,
    /// How long it has between the signal and KILL.
    pub(crate) grace: Limit,
    pub(crate) foreground: bool,
    pub(crate) preserve_status: bool,
    pub(crate) verbose: bool,
    pub(crate) tree: Tree,
    /// What the command leaves behind when it ends by itself runs on.
    pub(crate) keep_background: bool,
    pub(crate) report: Option<Place>,
}

/// What keeps together what the command starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tree {
    /// A cgroup if it can be had, and a sweep.
    Auto,
    Cgroup,
    PidNamespace,
    Sweep,
    Group,
    /// Nothing, as GNU's.
    None,
}

/// Where the report goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Descriptor(i32),
    File(Vec<u8>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Descriptor(number) => write!(f, "descriptor {number}"),
            Self::File(name) => f.write_str(&quote(name)),
        }
    }
}

/// What is wrong with the command line; the text may be empty, as GNU's is when nothing is there to be run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Usage(pub(crate) String);

/// An option that takes an argument, or does not.
struct Known {
    long: &'static str,
    short: u8,
    argument: Argument,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Argument {
    None,
    Required,
    /// Only after `=`.
    Optional,
}

const fn known(long: &'static str, short: u8, argument: Argument) -> Known {
    Known { long, short, argument }
}

/// Every option, in the order in which an ambiguous one lists them.
const OPTIONS: [Known; 10] = [
    known("kill-after", b'k', Argument::Required),
    known("signal", b's', Argument::Required),
    known("verbose", b'v', Argument::None),
    known("foreground", b'f', Argument::None),
    known("preserve-status", b'p', Argument::None),
    known("tree", 0, Argument::Optional),
    known("keep-background", 0, Argument::None),
    known("report", 0, Argument::Required),
    known("help", 0, Argument::None),
    known("version", 0, Argument::None),
];

/// Those that GNU's program does not have.
const OURS: [&str; 3] = ["tree", "keep-background", "report"];

/// Reads `words`, the first of which is the program itself.
pub(crate) fn parse(words: &[&[u8]]) -> Result<Request, Usage> {
    let mut options = Options {
        limit: Limit::Never,
        signal: Signal::TERM,
        grace: GRACE,
        foreground: false,
        preserve_status: false,
        verbose: false,
        tree: Tree::Auto,
        keep_background: false,
        report: None,
    };
    let mut next = 1;
    while let Some(&word) = words.get(next).filter(|word| word.len() > 1 && word[0] == b'-') {
        next += 1;
        if word == b"--" {
            break;
        }
        let ended = match word.strip_prefix(b"--") {
            Some(long) => read_long(long, words, &mut next, &mut options)?,
            None => read_short(&word[1..], words, &mut next, &mut options)?,
        };
        if let Some(request) = ended {
            return Ok(request);
        }
    }
    // There must be a duration, and something to run.
    if words.len() < next + 2 {
        return Err(Usage(String::new()));
    }
    options.limit = limit_of(words[next])?;
    Ok(Request::Run(options, next + 1))
}

fn read_long(word: &[u8], words: &[&[u8]], next: &mut usize, options: &mut Options) -> Result<Option<Request>, Usage> {
    let (name, value) = match word.iter().position(|byte| *byte == b'=') {
        Some(at) => (&word[..at], Some(&word[at + 1..])),
        None => (word, None),
    };
    let shown = String::from_utf8_lossy(name);
    let starts = |option: &&Known| option.long.as_bytes().starts_with(name);
    // What means one thing to GNU's program means the same here, whatever else there is.
    let gnu: Vec<_> = OPTIONS.iter().filter(|option| !OURS.contains(&option.long)).filter(starts).collect();
    let exact = OPTIONS.iter().find(|option| option.long.as_bytes() == name);
    let mut candidates = OPTIONS.iter().filter(starts);
    let option =
        match (exact.or(if let [one] = gnu[..] { Some(one) } else { None }), candidates.next(), candidates.next()) {
            (Some(option), ..) | (None, Some(option), None) => option,
            (None, None, _) => return Err(Usage(format!("unrecognized option '--{shown}'"))),
            (None, Some(_), Some(_)) => {
                let all: String = OPTIONS.iter().filter(starts).map(|option| format!(" '--{}'", option.long)).collect();
                return Err(Usage(format!("option '--{shown}' is ambiguous; possibilities:{all}")));
            }
        };
    let long = option.long;
    let value = match (option.argument, value) {
        (Argument::None, Some(_)) => return Err(Usage(format!("option '--{long}' doesn't allow an argument"))),
        (Argument::Required, None) => {
            let value = words.get(*next).ok_or_else(|| Usage(format!("option '--{long}' requires an argument")))?;
            *next += 1;
            Some(*value)
        }
        (_, value) => value,
    };
    set(long, value, options)
}

/// Reads letters that share one dash; the first that takes an argument has the rest of the word, or the next one.
fn read_short(
    letters: &[u8],
    words: &[&[u8]],
    next: &mut usize,
    options: &mut Options,
) -> Result<Option<Request>, Usage> {
    for (at, &letter) in letters.iter().enumerate() {
        let shown = char::from(letter);
        let Some(option) = OPTIONS.iter().find(|option| option.short == letter && letter != 0) else {
            return Err(Usage(format!("invalid option -- '{shown}'")));
        };
        if option.argument == Argument::None {
            set(option.long, None, options)?;
            continue;
        }
        let value = match &letters[at + 1..] {
            [] => {
                let value =
                    words.get(*next).ok_or_else(|| Usage(format!("option requires an argument -- '{shown}'")))?;
                *next += 1;
                value
            }
            rest => rest,
        };
        return set(option.long, Some(value), options);
    }
    Ok(None)
}

fn set(long: &str, value: Option<&[u8]>, options: &mut Options) -> Result<Option<Request>, Usage> {
    let given = value.unwrap_or_default();
    match long {
        "kill-after" => options.grace = limit_of(given)?,
        "signal" => {
            options.signal = Signal::parse(given).ok_or_else(|| Usage(format!("{}: invalid signal", quote(given))))?;
        }
        "verbose" => options.verbose = true,
        "foreground" => options.foreground = true,
        "preserve-status" => options.preserve_status = true,
        "tree" => options.tree = value.map_or(Ok(Tree::Auto), tree_of)?,
        "keep-background" => options.keep_background = true,
        "report" => options.report = Some(place_of(given)?),
        "help" => return Ok(Some(Request::Help)),
        _ => return Ok(Some(Request::Version)),
    }
    Ok(None)
}

fn limit_of(text: &[u8]) -> Result<Limit, Usage> {
    duration::parse(text).ok_or_else(|| Usage(format!("invalid time interval {}", quote(text))))
}

fn tree_of(text: &[u8]) -> Result<Tree, Usage> {
    Ok(match text {
        b"auto" => Tree::Auto,
        b"cgroup" => Tree::Cgroup,
        b"pidns" => Tree::PidNamespace,
        b"sweep" => Tree::Sweep,
        b"group" => Tree::Group,
        b"none" => Tree::None,
        _ => {
            let known = "valid are 'auto', 'cgroup', 'pidns', 'sweep', 'group' and 'none'";
            return Err(Usage(format!("invalid argument {} for '--tree'; {known}", quote(text))));
        }
    })
}

/// `json` goes to standard error, `json:3` to a descriptor, and `json:name` to a file.
fn place_of(text: &[u8]) -> Result<Place, Usage> {
    let wrong = || {
        Usage(format!("invalid argument {} for '--report'; valid are 'json', 'json:FD' and 'json:FILE'", quote(text)))
    };
    let rest = text.strip_prefix(b"json").ok_or_else(wrong)?;
    let Some(place) = rest.strip_prefix(b":") else {
        return if rest.is_empty() { Ok(Place::Descriptor(libc::STDERR_FILENO)) } else { Err(wrong()) };
    };
    if place.is_empty() {
        return Err(wrong());
    }
    if !place.iter().all(u8::is_ascii_digit) {
        return Ok(Place::File(place.to_vec()));
    }
    let number = std::str::from_utf8(place).ok().and_then(|digits| digits.parse().ok());
    number.map(Place::Descriptor).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn of(words: &[&str]) -> Result<Request, String> {
        let all: Vec<_> = ["timeout"].iter().chain(words).map(|word| word.as_bytes()).collect();
        parse(&all).map_err(|Usage(text)| text)
    }

    fn run(words: &[&str]) -> (Options, usize) {
        match of(words) {
            Ok(Request::Run(options, command)) => (options, command),
            other => panic!("{words:?}: {other:?}"),
        }
    }

    #[test]
    fn options_end_at_the_duration() {
        let (options, command) = run(&["-v", "1", "-v", "-k"]);
        assert!(options.verbose);
        assert_eq!((options.limit, options.grace, command), (Limit::After(Duration::from_secs(1)), GRACE, 3));
        assert_eq!(run(&["--", "1", "true"]).1, 3);
    }

    #[test]
    fn letters_share_a_dash_and_long_options_are_shortened() {
        let (options, _) = run(&["-vpfk2", "--si", "int", "--t=sweep", "--ke", "1", "true"]);
        assert!(options.verbose && options.preserve_status && options.foreground && options.keep_background);
        assert_eq!(options.grace, Limit::After(Duration::from_secs(2)));
        assert_eq!((options.signal, options.tree), (Signal(2), Tree::Sweep));
        assert_eq!(run(&["-s9", "1", "true"]).0.signal, Signal::KILL);
        assert_eq!(
            run(&["--k", "0", "1", "true"]).0.grace,
            Limit::Never,
            "as GNU's, though `--keep-background` is near"
        );
        assert_eq!(run(&["--kill-after=0", "1", "true"]).0.grace, Limit::Never);
    }

    #[test]
    fn a_report_names_its_place() {
        let place = |word| run(&["--report", word, "1", "true"]).0.report;
        assert_eq!(place("json"), Some(Place::Descriptor(2)));
        assert_eq!(place("json:7"), Some(Place::Descriptor(7)));
        assert_eq!(place("json:a/7"), Some(Place::File(b"a/7".to_vec())));
        assert!(of(&["--report", "xml", "1", "true"]).is_err());
        assert!(of(&["--report=json:", "1", "true"]).is_err());
    }

    #[test]
    fn mistakes_are_told_as_by_gnu() {
        for (words, text) in [
            (&["1"][..], ""),
            (&["-z", "1", "true"], "invalid option -- 'z'"),
            (&["--bogus"], "unrecognized option '--bogus'"),
            (&["--ve"], "option '--ve' is ambiguous; possibilities: '--verbose' '--version'"),
            (&["--foreground=1"], "option '--foreground' doesn't allow an argument"),
            (&["-k"], "option requires an argument -- 'k'"),
            (&["--si"], "option '--signal' requires an argument"),
            (&["-s", "FOO"], "'FOO': invalid signal"),
            (&["-k", "x"], "invalid time interval 'x'"),
            (&["abc", "true"], "invalid time interval 'abc'"),
        ] {
            assert_eq!(of(words).unwrap_err(), text, "{words:?}");
        }
    }

    #[test]
    fn help_and_version_are_seen_before_what_follows() {
        assert_eq!(of(&["--help", "--bogus"]), Ok(Request::Help));
        assert_eq!(of(&["--vers"]), Ok(Request::Version));
    }
}
