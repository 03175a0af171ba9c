//! The settings of `classifier_scheduler` and `classifier_executor`.
//!
//! They are known to every build, so that one `env_config` serves all; only a build with the feature `cluster` has the
//! programs.

use super::definition::settings;
use super::learning::model_folders;
use super::login::ExecutorCredentials;
use super::predict::{cores, memory_limit};
use super::terminal::{Files, Terminal};
use super::value::SchedulingChoice;
use bytesize::ByteSize;
use std::net::IpAddr;
use std::path::PathBuf;

settings! {
    /// Everything that `classifier_scheduler` depends on.
    #[derive(Debug, Clone, PartialEq)]
    #[cfg_attr(not(feature = "cluster"), allow(dead_code, reason = "the program is not built"))]
    pub(crate) struct SchedulerSettings in "scheduler." for Scheduler {
        /// Address to listen at
        ///
        /// Only this machine reaches the default. Whoever reaches the port can run plans on the cluster: let only its
        /// machines through.
        bind: IpAddr => Engine "ADDRESS" { default: "127.0.0.1" };
        /// Port to listen at
        port: u16 => Engine "PORT" { default: "20050" };
        /// Who gives out work, the same at scheduler and executors
        ///
        /// push: the scheduler sends tasks to executors. pull: executors ask for them, so that only they open
        /// connections.
        scheduling: SchedulingChoice => Engine "HOW" { default: "push" };
        terminal: Terminal;
        files: Files;
    }
}

settings! {
    /// Everything that `classifier_executor` depends on.
    #[derive(Debug, Clone, PartialEq)]
    #[cfg_attr(not(feature = "cluster"), allow(dead_code, reason = "the program is not built"))]
    pub(crate) struct ExecutorSettings in "executor." for Executor {
        /// The scheduler to work for
        scheduler: String => Engine "URL" { default: "http://127.0.0.1:20050" };
        /// Seconds to wait for the scheduler when the executor starts
        wait: u64 => Engine "SECONDS" { default: "60" };
        /// Address to listen at
        ///
        /// Only this machine reaches the default. Scheduler, client and other executors must reach it.
        bind: IpAddr => Engine "ADDRESS" { default: "127.0.0.1" };
        /// Name or address under which others reach this executor; without it that of --bind
        advertise: Option<String> => Engine "HOST";
        /// Port where others fetch rows
        port: u16 => Engine "PORT" { default: "20051" };
        /// Port where the scheduler sends tasks (push)
        task_port: u16 => Engine "PORT" { default: "20052" };
        /// Who gives out work, the same at scheduler and executors: push or pull
        scheduling: SchedulingChoice => Engine "HOW" { default: "push" };
        /// Tasks at the same time: a number, or all for as many as cores
        cores: usize => Engine "N" { default: "all" }, cores;
        /// Memory of the engine, shared by the tasks: 8g, 512m, or a share like 70%
        memory_limit: ByteSize => Engine "SIZE" { default: "70%" }, memory_limit;
        /// Folder for rows on their way; without it a temporary one
        work_dir: Option<PathBuf> => Engine "DIR";
        /// Folders with model files, for models that are not where the client has them
        ///
        /// A model is taken only when it is the very one that the client has.
        model_folders: Vec<String> => Model "DIR[,DIR...]";
        credentials: ExecutorCredentials;
        terminal: Terminal;
        files: Files;
        /// The folders in which models are found by name.
        user_folders: Vec<PathBuf> = model_folders;
    }
}
