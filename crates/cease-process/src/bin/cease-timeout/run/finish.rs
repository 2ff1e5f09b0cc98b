//! The end of a run: what is told, and how this program ends.

use cease_process::ladder::{Stage, Summary};

use super::{Leader, Run};
use crate::end::{End, FAILED, Outcome};
use crate::members::Process;
use crate::report::{Ended, Report, Survivor, Target};
use crate::signals::Signal;
use crate::sys::Status;

impl Run<'_> {
    pub(super) fn finish(mut self, summary: &Summary, target: Option<&Target>) -> End {
        let kept = self.options.keep_background && self.requests == 0;
        let unkillable = if summary.is_empty { Vec::new() } else { self.tree.survivors(0) };
        if kept {
            self.tree.release();
        }
        if summary.reached == Some(Stage::Kill) {
            self.tree.clean_up();
        }
        let killed = summary.ended_on == Some(Stage::Kill);
        let end = match self.leader {
            Leader::Reaped(status) => Outcome {
                status,
                timed_out: self.timed_out,
                killed,
                preserve_status: self.options.preserve_status,
                foreground: self.options.foreground,
            }
            .end(),
            Leader::Runs | Leader::Ended => End::Code(FAILED),
        };
        if !unkillable.is_empty() || matches!(self.leader, Leader::Runs) {
            self.voice.unkillable(self.command.words[0], &unkillable);
        }
        if let Some(target) = target {
            target.tell(&self.report(end, kept, &unkillable), self.voice);
        }
        self.tree.forget();
        end
    }

    fn report(&self, end: End, kept: bool, unkillable: &[Process]) -> Report {
        let survivor = |process: &Process| Survivor { pid: process.pid, name: process.name.clone() };
        Report {
            timed_out: self.timed_out,
            stopped_by: self.stopped_by.map(|signal| signal.to_string()),
            sent: self.sent.map(|signal| signal.to_string()),
            ended: match self.leader {
                Leader::Reaped(Status::Exited(code)) => Some(Ended::Code(code)),
                Leader::Reaped(Status::Signaled(signal)) => Some(Ended::Signal(Signal(signal).to_string())),
                Leader::Runs | Leader::Ended => None,
            },
            kill_to_reaped_s: self.kill_to_reaped.map(|time| time.as_secs_f64()),
            elapsed_s: self.began.elapsed().as_secs_f64(),
            survivors: self.survivors.iter().map(survivor).collect(),
            kept: kept && !self.survivors.is_empty(),
            unkillable: unkillable.iter().map(|process| process.pid).collect(),
            status: match end {
                End::Code(code) => code,
                End::Signal(signal) => 128 + signal,
            },
            ..Report::new(self.options, self.command.words, self.tree.kind().name())
        }
    }
}
