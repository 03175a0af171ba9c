//! A group of cases, run without measuring and in every way that measures.

use std::error::Error;
use std::path::Path;

use datafusion::error::Result;
use datafusion::prelude::*;
use datafusion_measure::{CheckpointOptions, CheckpointPolicy, Instrumentation, Verbosity};
use futures::future::BoxFuture;

use crate::answer::Answer;

/// What makes a session with the group's tables. The folder is the session's own.
type Session = fn(&Path) -> Result<SessionContext>;
/// What makes a frame in a session.
type Frame = Box<dyn for<'a> Fn(&'a SessionContext, &'a Path) -> BoxFuture<'a, Result<DataFrame>>>;

/// One case: a statement or a frame.
pub struct Case {
    pub name: String,
    frame: Frame,
    /// The order of rows was asked for.
    ordered: bool,
    /// It asks for rows and nothing else: it can be checkpointed before it runs.
    query: bool,
    /// It is an error, measured or not.
    fails: bool,
}

impl Case {
    /// A statement; `{folder}` stands for the session's folder.
    pub fn sql(statement: impl Into<String>) -> Self {
        let statement: String = statement.into();
        let words = statement.to_lowercase();
        let query = ["select", "with", "values"].iter().any(|word| words.trim_start().starts_with(word));
        let ordered = words.rsplit(')').next().is_some_and(|end| end.contains("order by"));
        let name = statement.split_whitespace().collect::<Vec<_>>().join(" ");
        let frame: Frame = Box::new(move |context, folder| {
            let statement = statement.replace("{folder}", &folder.display().to_string());
            Box::pin(async move { context.sql(&statement).await })
        });
        Self { name, frame, ordered, query, fails: false }
    }

    /// A frame made by code.
    pub fn frame(name: &str, ordered: bool, make: fn(&SessionContext) -> Result<DataFrame>) -> Self {
        let frame: Frame = Box::new(move |context, _| Box::pin(async move { make(context) }));
        Self { name: name.to_owned(), frame, ordered, query: true, fails: false }
    }

    /// The same, which is an error.
    pub fn failing(mut self) -> Self {
        self.fails = true;
        self
    }

    /// The same, which cannot be kept: it has no end, or another answer each time.
    pub fn not_kept(mut self) -> Self {
        self.query = false;
        self
    }
}

/// Cases that run one after the other in one session.
pub struct Group {
    pub name: &'static str,
    pub session: Session,
    pub cases: Vec<Case>,
}

/// A way to run a group.
enum Way {
    Attached(Verbosity),
    /// Attached, and every query checkpointed before it runs, with so many bytes of memory for it.
    Checkpointed(usize),
}

impl Way {
    fn name(&self) -> String {
        match self {
            Self::Attached(verbosity) => format!("attached, verbosity {}", u8::from(*verbosity)),
            Self::Checkpointed(0) => "checkpoints on disk".to_owned(),
            Self::Checkpointed(_) => "checkpoints in memory".to_owned(),
        }
    }

    fn measure(&self, folder: &Path) -> Instrumentation {
        let (verbosity, policy, bytes) = match self {
            Self::Attached(verbosity) => (*verbosity, CheckpointPolicy::Never, 0),
            Self::Checkpointed(bytes) => (Verbosity::Warnings, CheckpointPolicy::Always, *bytes),
        };
        Instrumentation::new(verbosity).with_output(std::io::sink()).with_checkpoint(CheckpointOptions {
            policy,
            folder: folder.join("checkpoints"),
            unlimited_pool_bytes: bytes,
            ..CheckpointOptions::default()
        })
    }
}

impl Group {
    /// How many answers differ from those of a session that is not measured; each is told on standard error.
    pub async fn check(self) -> std::result::Result<usize, Box<dyn Error + Send + Sync>> {
        let folder = tempfile::tempdir()?;
        let plain = (self.session)(folder.path())?;
        let mut expected = Vec::new();
        let mut differences = 0;
        for case in &self.cases {
            let answer = Answer::of((case.frame)(&plain, folder.path()).await, case.ordered).await;
            if answer.is_error() != case.fails {
                return Err(format!("{}: {}: {answer:?}", self.name, case.name).into());
            }
            expected.push(answer);
        }
        for way in [
            Way::Attached(Verbosity::Silent),
            Way::Attached(Verbosity::Warnings),
            Way::Attached(Verbosity::Info),
            Way::Attached(Verbosity::Debug),
            Way::Checkpointed(1 << 30),
            Way::Checkpointed(0),
        ] {
            let folder = tempfile::tempdir()?;
            let measure = way.measure(folder.path());
            let context = measure.attach((self.session)(folder.path())?);
            for (case, expected) in self.cases.iter().zip(&expected) {
                let mut frame = (case.frame)(&context, folder.path()).await;
                if case.query && matches!(way, Way::Checkpointed(_)) {
                    frame = match frame {
                        Ok(frame) => measure.checkpoint_if_needed(frame, &case.name, 0).await,
                        failed => failed,
                    };
                }
                let answer = Answer::of(frame, case.ordered).await;
                if let Some(difference) = answer.difference(expected) {
                    eprintln!("{}, {}: {}: {difference}", self.name, way.name(), case.name);
                    differences += 1;
                }
            }
            let metrics = measure.metrics();
            let checkpoints = metrics.dataframes.iter().filter(|(_, frame)| frame.checkpointed).count();
            println!(
                "{:<12} {:<24} {:>3} statements, {:>3} queries recorded, {checkpoints:>3} checkpoints",
                self.name,
                way.name(),
                self.cases.len(),
                metrics.queries.len()
            );
        }
        Ok(differences)
    }
}
