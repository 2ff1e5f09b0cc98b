//! What `--help` and `--version` print.

pub(crate) const HELP: &str = "\
Usage: cease-timeout [OPTION]... DURATION COMMAND [ARG]...
Start COMMAND, stop it if it still runs after DURATION, and leave nothing of it behind.

DURATION is a floating point number with an optional suffix:
's' for seconds (the default), 'm' for minutes, 'h' for hours or 'd' for days.
A duration of 0 is no limit.

As GNU timeout:
  -s, --signal=SIGNAL      send this signal on timeout instead of TERM; a name like 'HUP' or a number
  -k, --kill-after=DURATION
                           send KILL this long after the first signal (5s if not given; 0 is never)
  -p, --preserve-status    exit with the status of COMMAND even when it timed out
  -f, --foreground         let COMMAND read from the terminal and get its signals;
                           the signal on timeout goes to COMMAND alone
  -v, --verbose            say on standard error which signal is sent, and to whom
      --help               print this help
      --version            print the version

Beyond GNU timeout:
      --tree[=KIND]        what keeps together all that COMMAND starts, so that nothing survives:
                             auto    a cgroup where it can be had, and a sweep (the default)
                             cgroup  a cgroup, or an error
                             pidns   a PID namespace of its own; ends also when cease-timeout is killed
                             sweep   whatever descends from COMMAND is found and killed
                             group   the process group
                             none    nothing, as GNU timeout
      --keep-background    let run on what COMMAND leaves behind when it ends by itself
      --report=json[:PLACE]
                           write how it went as JSON, one line: to standard error,
                           to the descriptor PLACE if it is a number, else to the file PLACE

HUP, INT, QUIT and TERM are passed on and start the same ladder as the time limit; the second one kills.
Other signals that end a process are passed on as they are; ALRM means that the time is up.

Exit status:
  124  if COMMAND timed out, and --preserve-status is not given
  125  if cease-timeout itself fails
  126  if COMMAND is found but cannot be run
  127  if COMMAND cannot be found
  137  if COMMAND (or cease-timeout itself) got the KILL signal (128+9)
  -    the status of COMMAND otherwise; if a signal ended it, cease-timeout ends by the same one

Examples:
  cease-timeout 10 make test              nothing of the tests is left, however they end
  cease-timeout -k 1 30s curl URL         KILL one second after TERM
  cease-timeout -s INT -p 1m server       stop with INT, and exit with the server's own status
  cease-timeout -f 1h psql                works with the terminal
  cease-timeout --report=json:out.json 5m ./job
";

pub(crate) const VERSION: &str = concat!("cease-timeout (Cease) ", env!("CARGO_PKG_VERSION"), "\n");
