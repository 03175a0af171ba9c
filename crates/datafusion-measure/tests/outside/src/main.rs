//! Runs what users of DataFusion run, measured and not, and compares: answers, schemas, and the order of rows where one
//! was asked for.
//!
//! Every group of cases begins with a session of its own that is not measured. Its answers are what is expected of
//! sessions that are attached at each verbosity, and of frames that are checkpointed before they run, in memory and on
//! disk. What is an error without measuring has to be the same error with it.

mod answer;
mod chains;
mod functions;
mod group;
mod statements;
mod streams;
mod tpch;
mod wide;

use std::error::Error;
use std::process::ExitCode;

/// The plans of `chains` take a deep stack, with and without measuring.
const STACK_BYTES: usize = 512 << 20;

fn run() -> Result<usize, Box<dyn Error + Send + Sync>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut differences = 0;
        for group in [
            tpch::group(),
            wide::group(),
            statements::group(),
            functions::group(),
            streams::group(),
            chains::group(),
        ] {
            differences += group.check().await?;
        }
        Ok(differences)
    })
}

fn main() -> ExitCode {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(run);
    match thread.map(|thread| thread.join()) {
        Ok(Ok(Ok(0))) => {
            println!("all passed");
            ExitCode::SUCCESS
        }
        Ok(Ok(Ok(differences))) => {
            eprintln!("{differences} answers differ");
            ExitCode::FAILURE
        }
        Ok(Ok(Err(error))) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
        Ok(Err(_)) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: no thread could be started: {error}");
            ExitCode::FAILURE
        }
    }
}
