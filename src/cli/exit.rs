//! The exit codes of the programs, each with its reason: the only file that knows them.

use crate::Error;
use crate::error::ErrorKind;
use std::process::ExitCode;

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything that was asked for is done.
    Done,
    /// The run finished, and some documents failed.
    SomeFailed,
    /// The command line or a setting is wrong.
    Usage,
    /// Nothing could be done: source, sink, model or cluster unusable.
    Unusable,
    /// Another run on the same output is under way.
    Locked,
    /// Stopped by this signal, with the work in hand finished.
    Signal(u8),
}

impl Exit {
    /// The code, as the shell sees it.
    pub(crate) fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::SomeFailed => 1,
            Exit::Usage => 2,
            Exit::Unusable => 3,
            Exit::Locked => 4,
            // By custom: 130 for SIGINT, 143 for SIGTERM.
            Exit::Signal(number) => 128 + number,
        }
    }
}

impl From<&Error> for Exit {
    fn from(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::Usage => Exit::Usage,
            ErrorKind::Unusable => Exit::Unusable,
            ErrorKind::Locked => Exit::Locked,
        }
    }
}

impl From<()> for Exit {
    fn from((): ()) -> Self {
        Exit::Done
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}
