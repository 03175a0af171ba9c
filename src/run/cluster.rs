//! A run whose plan runs on a cluster: what executors need, and what is left of it when the run is stopped.

use std::path::PathBuf;

use crate::error::Result;
use crate::model::catalog;
use crate::run::ProgramError;
use crate::settings::Settings;

/// The folder that relative inputs start from, for readers in other folders.
pub(super) fn base(settings: &Settings) -> Result<Option<PathBuf>> {
    let base = settings.cluster.as_ref().map(|_| std::env::current_dir()).transpose();
    Ok(base.map_err(ProgramError::WorkingFolder)?)
}

/// The model's name, or its path from the root: other processes have other working folders.
pub(super) fn model(settings: &Settings, found: String) -> Result<String> {
    match base(settings)? {
        Some(base) if !catalog::names().contains(&found.as_str()) => {
            Ok(base.join(found).to_string_lossy().into_owned())
        }
        _ => Ok(found),
    }
}

#[cfg(feature = "cluster")]
pub(super) use built_in::Cluster;

#[cfg(feature = "cluster")]
mod built_in {
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::sync::Arc;
    use std::time::Duration;

    use crate::Connectors;
    use crate::cluster::{Ballista, ClusterOptions, Requirements, Standalone, WindowSize, scheduler_address};
    use crate::couchdb::WorkerCredentials;
    use crate::error::Result;
    use crate::model::Model;
    use crate::pipeline::{Engine, ModelReference};
    use crate::settings::{Endpoint, Input, Settings};
    use crate::sink::{RECORD_FOLDER, SinkError};
    use crate::worker::WorkerContext;

    /// The cluster that means this process.
    const STANDALONE: &str = "standalone";
    /// How long cancelling the jobs of a stopped run may take.
    const CANCEL: Duration = Duration::from_secs(1);
    /// Partitions of a window at least, so that a cluster of some machines has work for all.
    const PARTITIONS: usize = 16;

    /// The cluster of a run.
    #[derive(Debug)]
    pub(in crate::run) struct Cluster {
        engine: Arc<Ballista>,
        _standalone: Option<Standalone>,
        marks: Vec<Mark>,
    }

    /// A file in a folder that executors must see; removed at the end.
    #[derive(Debug)]
    struct Mark(PathBuf);

    impl Drop for Mark {
        fn drop(&mut self) {
            // What stays is a small file among those of the program.
            let _ = fs::remove_file(&self.0);
        }
    }

    impl Mark {
        fn put(folder: &Path, run: &str) -> Result<Self> {
            let own = folder.join(RECORD_FOLDER);
            let path = own.join(format!("run-{run}"));
            let put = fs::create_dir_all(&own).and_then(|()| fs::write(&path, []));
            put.map_err(|source| SinkError::Folder { folder: folder.to_owned(), source })?;
            Ok(Self(path))
        }
    }

    impl Cluster {
        /// Connects to the cluster that is asked for, if one is.
        pub(in crate::run) async fn connect(
            settings: &Settings,
            context: &WorkerContext,
        ) -> Result<Option<Self>> {
            let Some(cluster) = &settings.cluster else { return Ok(None) };
            let (mut standalone, connectors) = (None, Connectors::default());
            let scheduler = if cluster.eq_ignore_ascii_case(STANDALONE) {
                // The executor's environment is that of this process.
                context.shared(|| credentials(settings));
                let memory = usize::try_from(settings.memory_limit.0).ok();
                let own = Standalone::start(settings.cores, memory, context.clone(), &connectors).await?;
                standalone.insert(own).scheduler()
            } else {
                scheduler_address(cluster)?
            };
            let options = ClusterOptions {
                window: WindowSize {
                    partitions: settings.partitions.max(PARTITIONS),
                    ..WindowSize::default()
                },
                wait: Duration::from_secs(settings.cluster_wait),
                connectors,
                ..ClusterOptions::default()
            };
            let engine = Arc::new(Ballista::connect(&scheduler, options).await?);
            Ok(Some(Self { engine, _standalone: standalone, marks: Vec::new() }))
        }

        /// Makes sure that executors are there and have what the run needs: model, inputs and output.
        pub(in crate::run) async fn prepare(
            &mut self,
            settings: &Settings,
            name: &str,
            model: &Model,
        ) -> Result<()> {
            let run = format!("{:016x}", rand::random::<u64>());
            let files = matches!(settings.input, Input::Samples | Input::Paths(_));
            let folders = files.then_some(&settings.output).into_iter().chain(&settings.html);
            for folder in folders.filter(|_| !settings.dry_run) {
                self.marks.push(Mark::put(folder, &run)?);
            }
            let marks = self.marks.iter().map(|mark| mark.0.clone()).collect();
            let mut paths = Vec::new();
            if let (Input::Paths(inputs), Some(base)) = (&settings.input, super::base(settings)?) {
                let inputs = inputs.iter().map(|input| base.join(input));
                paths.extend(inputs.filter(|input| input.exists()).take(MOST_INPUTS));
            }
            let model = Some(ModelReference::new(name, model, settings.collapse));
            self.engine.require(Requirements { run, model, marks, paths });
            self.engine.check().await
        }

        pub(in crate::run) fn engine(&self) -> Arc<dyn Engine> {
            Arc::clone(&self.engine) as Arc<dyn Engine>
        }

        /// What executors did, a line each, and what had to be done again.
        pub(in crate::run) fn summary(&self) -> Vec<String> {
            let work = self.engine.work();
            let total: Duration = work.values().map(|done| done.time).sum();
            let mut lines: Vec<String> = work
                .iter()
                .map(|(name, done)| {
                    format!(
                        "executor {name}: {} tasks, {} outcomes, {} sent, {:.1} s ({:.0} %)",
                        done.tasks,
                        done.rows,
                        bytesize::ByteSize(done.bytes),
                        done.time.as_secs_f64(),
                        100.0 * done.time.as_secs_f64() / total.as_secs_f64().max(f64::MIN_POSITIVE),
                    )
                })
                .collect();
            let counts = self.engine.counts();
            lines.push(format!(
                "cluster: {} windows, {} submitted again, {} outcomes came twice",
                counts.windows, counts.retries, counts.repeated
            ));
            lines
        }

        /// What cancels the jobs that are in hand, from any thread.
        pub(in crate::run) fn canceller(&self) -> impl Fn() + Send + use<> {
            let engine = Arc::clone(&self.engine);
            move || engine.cancel_within(CANCEL)
        }
    }

    /// Inputs that executors are asked to look for; a shell may give thousands.
    const MOST_INPUTS: usize = 20;

    fn credentials(settings: &Settings) -> WorkerCredentials {
        let Input::CouchDb(couch) = &settings.input else { return WorkerCredentials::default() };
        let login = |endpoint: &Endpoint| {
            endpoint.credentials.as_ref().map(|login| (login.username.clone(), login.password.clone()))
        };
        WorkerCredentials { main: login(&couch.output), ingest: login(&couch.ingest) }
    }
}
