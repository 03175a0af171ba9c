//! Processes of a cluster that are killed in the middle of a run.
//!
//! `SKOL_TEST_FULL=1` kills twenty executors where an ordinary run of the tests kills three.

use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{Cluster, contents};
use crate::couchdb::program::size;
use crate::operator::{Place, wait_until};

/// A run that takes longer hangs. What Ballista loses sight of is submitted again after two minutes.
const LONGEST: Duration = Duration::from_secs(300);

/// What is labelled, how it looks when nobody is killed, and how long that takes on the cluster.
struct Work {
    place: Place,
    count: usize,
    expected: Vec<(String, Vec<u8>)>,
    undisturbed: Duration,
}

impl Work {
    fn new(cluster: &Cluster, count: usize) -> Self {
        let place = Place::new();
        super::files::texts(&place, count);
        let here = place.run(&["texts", "--output", "here"]);
        assert_eq!(here.code, Some(0), "{}", here.stderr);
        let expected = contents(&place.path("here"));
        let mut this = Self { place, count, expected, undisturbed: Duration::ZERO };
        let begin = Instant::now();
        let calm = this.start(cluster, "calm");
        this.ends_well("calm", calm);
        this.undisturbed = begin.elapsed();
        this
    }

    fn start(&self, cluster: &Cluster, output: &str) -> Child {
        // As an executor leaves it that is killed in the middle of writing.
        self.place.write(&format!("{output}/.skol_classifier-0123456789abcdef-1.part"), "half");
        let mut client = self.place.program();
        client.args(["texts", "--output", output, "--cluster", &cluster.address()]);
        client.args(["--metrics-file", &format!("{output}.json")]);
        client.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
    }

    /// Every document has one outcome, and is as it would be without a cluster; nothing else is left.
    fn ends_well(&self, output: &str, client: Child) {
        let mut client = client;
        let begin = Instant::now();
        while client.try_wait().unwrap().is_none() && begin.elapsed() < LONGEST {
            std::thread::sleep(Duration::from_millis(50));
        }
        // One that has ended cannot be killed.
        let _ = client.kill();
        let ended = client.wait_with_output().unwrap();
        let shown = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(0), "{output}: {shown}");
        assert!(contents(&self.place.path(output)) == self.expected, "{output} differs");
        let names = fs::read_dir(self.place.path(output)).unwrap();
        let names: Vec<_> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert!(!names.iter().any(|name| name.ends_with(".part")), "{names:?}");
        let metrics: serde_json::Value =
            serde_json::from_str(&self.place.read(&format!("{output}.json"))).unwrap();
        // What ran twice was saved by this run all the same.
        assert_eq!(metrics["documents"]["saved"], self.count, "{output}: {}", metrics["documents"]);
        assert_eq!(metrics["documents"]["selected"], self.count, "{output}: {}", metrics["documents"]);
    }

    fn moment(&self, random: &mut StdRng) -> Duration {
        self.undisturbed.mul_f64(random.random_range(0.0..0.9))
    }
}

#[test]
fn an_executor_that_is_killed_at_any_moment_costs_no_document() {
    let mut random = StdRng::seed_from_u64(20);
    for scheduling in ["push", "pull"] {
        let mut cluster = Cluster::start(scheduling, 2);
        let work = Work::new(&cluster, size(200, 600));
        for round in 0..size(3, 20) {
            let output = format!("{scheduling}-{round}");
            let client = work.start(&cluster, &output);
            std::thread::sleep(work.moment(&mut random));
            let killed = &mut cluster.executors[round % 2];
            killed.kill();
            // Half of them are back at once, under the same address and with the rows of before.
            if round % 4 < 2 {
                killed.start_again();
                work.ends_well(&output, client);
            } else {
                work.ends_well(&output, client);
                killed.start_again();
            }
        }
    }
}

#[test]
fn both_executors_and_the_scheduler_can_be_killed_and_started_again() {
    let mut random = StdRng::seed_from_u64(21);
    let mut cluster = Cluster::start("push", 2);
    let work = Work::new(&cluster, size(200, 600));
    let client = work.start(&cluster, "executors");
    std::thread::sleep(work.moment(&mut random));
    cluster.executors.iter_mut().for_each(super::Process::kill);
    std::thread::sleep(Duration::from_secs(1));
    cluster.executors.iter_mut().for_each(super::Process::start_again);
    work.ends_well("executors", client);

    let client = work.start(&cluster, "scheduler");
    let there = work.place.path("scheduler");
    wait_until("the first annotation", || fs::read_dir(&there).is_ok_and(|files| files.count() > 20));
    cluster.scheduler.kill();
    std::thread::sleep(Duration::from_secs(1));
    cluster.scheduler.start_again();
    work.ends_well("scheduler", client);
}
