//! Events: typed values to any reporter, lines for machines, and a text that nobody from outside can forge.

use std::sync::{Arc, Mutex};

use datafusion::prelude::*;
use datafusion_measure::{
    CheckpointOptions, CheckpointPolicy, Event, Instrumentation, JsonReporter, Level, Reporter, TextReporter,
    Verbosity, Warning,
};
use serde_json::{Value, json};

use super::support::{Lines, SaveCodec, SavePartition, context, filters, numbers};

/// Keeps what it gets.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<(Event, Verbosity)>>>);

impl Reporter for Kept {
    fn report(&self, event: &Event, verbosity: Verbosity) {
        self.0.lock().unwrap().push((event.clone(), verbosity));
    }
}

/// One of each: scopes, a closure, a task, a broadcast, a frame, a checkpoint, an execution, warnings, the summary.
async fn everything(instr: &Instrumentation) {
    let frame = numbers(&context(2), 100, 2);
    let scope = instr.scope("work");
    instr.analyze_dataframe(&filters(frame.clone(), 60), "deep", true).await.unwrap();
    let frame = instr.checkpoint_if_needed(frame, "kept", 30).await.unwrap();
    let plan = frame.create_physical_plan().await.unwrap();
    instr.measure_task_size(&plan, "scan").unwrap();
    let save = SavePartition::over(plan, json!({"url": "x", "table": "y".repeat(1_100_000)}));
    instr.measure_closure_size(&save, "save").unwrap();
    instr.measure_broadcast_size(&[0u8; 100][..], "model").unwrap();
    scope.complete();
    instr.scope("broken").fail("no\tspace\nleft");
    instr.report();
}

fn always(verbosity: Verbosity, folder: &std::path::Path) -> Instrumentation {
    Instrumentation::new(verbosity).with_codec(Arc::new(SaveCodec::default())).with_checkpoint(
        CheckpointOptions {
            policy: CheckpointPolicy::Always,
            folder: folder.to_owned(),
            ..CheckpointOptions::default()
        },
    )
}

#[tokio::test]
async fn a_reporter_gets_typed_events_at_their_verbosity() {
    let folder = tempfile::tempdir().unwrap();
    let mut counts = Vec::new();
    for verbosity in [Verbosity::Silent, Verbosity::Warnings, Verbosity::Info, Verbosity::Debug] {
        let kept = Kept::default();
        let instr = always(verbosity, folder.path()).with_reporter(kept.clone());
        if verbosity > Verbosity::Silent {
            everything(&instr).await;
        } else {
            instr.scope("work").fail("x");
        }
        let events = kept.0.lock().unwrap().clone();
        for (event, asked) in &events {
            assert_eq!(*asked, verbosity);
            assert!(event.verbosity() <= verbosity, "{event:?}");
        }
        counts.push(events.len());
        let names: Vec<&str> = events.iter().map(|(event, _)| event.name()).collect();
        if verbosity == Verbosity::Debug {
            assert_eq!(
                names,
                [
                    "scope_started",
                    "data_frame",
                    "warning",
                    "checkpoint_started",
                    "checkpoint_completed",
                    "execution",
                    "task",
                    "closure",
                    "warning",
                    "broadcast",
                    "scope_completed",
                    "scope_started",
                    "warning",
                    "summary"
                ]
            );
            let warnings: Vec<_> = events
                .iter()
                .filter_map(|(event, _)| match event {
                    Event::Warning { warning, message } => {
                        assert_eq!(*message, warning.to_string());
                        Some((event.level(), warning.name(), warning))
                    }
                    _ => None,
                })
                .collect();
            assert!(
                matches!(
                    warnings[..],
                    [
                        (Level::Warn, "deep", Warning::DeepLineage { depth: 61, limit: 50, .. }),
                        (Level::Warn, "save", Warning::LargeClosure { limit_bytes: 1_024_000, .. }),
                        (Level::Error, "broken", Warning::ScopeFailed { error: Some(_), .. }),
                    ]
                ),
                "{warnings:?}"
            );
        }
    }
    assert!(counts[0] == 0 && counts.is_sorted(), "{counts:?}");
}

#[tokio::test]
async fn json_lines_are_objects_with_time_level_event_and_fields() {
    let folder = tempfile::tempdir().unwrap();
    let lines = Lines::default();
    everything(&always(Verbosity::Debug, folder.path()).with_reporter(JsonReporter::new(lines.clone())))
        .await;
    let lines: Vec<Value> = lines.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &lines {
        let time = line["timestamp"].as_str().unwrap();
        chrono::DateTime::parse_from_rfc3339(time).unwrap_or_else(|error| panic!("{time}: {error}"));
        assert!(["debug", "info", "warn", "error"].contains(&line["level"].as_str().unwrap()), "{line}");
        assert!(line["event"].is_string(), "{line}");
    }
    let of = |event: &str| lines.iter().find(|line| line["event"] == event).unwrap();
    assert_eq!(of("data_frame")["name"], "deep");
    assert_eq!(of("data_frame")["lineage_depth"], 61);
    assert_eq!(of("data_frame")["partition_rows"], json!([50, 50]));
    assert_eq!(of("checkpoint_started")["reason"], "policy");
    assert_eq!(of("checkpoint_completed")["partition_rows"], json!([50, 50]));
    assert_eq!(of("broadcast")["travel"], "inline");
    assert_eq!(of("closure")["largest_field"][0], "'table'");
    assert!(of("execution")["operators"][0]["name"].is_string());
    assert_eq!(of("warning")["warning"], "deep_lineage");
    assert_eq!(of("warning")["level"], "warn");
    assert_eq!(of("summary")["dataframes"]["kept"]["checkpointed"], true);
    let failed = lines.iter().find(|line| line["warning"] == "scope_failed").unwrap();
    assert_eq!(
        (failed["level"].as_str(), failed["error"].as_str()),
        (Some("error"), Some("no\tspace\nleft"))
    );
    assert!(failed["elapsed_s"].as_f64().unwrap() >= 0.0);
}

#[tokio::test]
async fn names_from_outside_cannot_steer_a_terminal() {
    let lines = Lines::default();
    let instr = Instrumentation::new(Verbosity::Info).with_reporter(TextReporter::new(lines.clone()));
    let frame = numbers(&context(1), 1, 1);
    instr.analyze_dataframe(&frame, "\x1b[2J\u{9b}31m", false).await.unwrap();
    instr.scope("a\rb").complete();
    let text = lines.text();
    assert!(text.contains(r"DataFrame '\u{1b}[2J\u{9b}31m':") && text.contains(r"a\rb: Starting"), "{text}");
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
}

/// Warnings go to `tracing` as warnings, once each.
#[test]
fn warnings_reach_tracing_as_warnings() {
    #[derive(Clone, Default)]
    struct Levels(Arc<Mutex<Vec<tracing::Level>>>);
    impl tracing::Subscriber for Levels {
        fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
            metadata.target() == "datafusion_measure"
        }
        fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
            tracing::span::Id::from_u64(1)
        }
        fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
        fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
        fn event(&self, event: &tracing::Event<'_>) {
            self.0.lock().unwrap().push(*event.metadata().level());
        }
        fn enter(&self, _: &tracing::span::Id) {}
        fn exit(&self, _: &tracing::span::Id) {}
    }
    let warn_twice = || {
        let instr = Instrumentation::new(Verbosity::Warnings).with_output(std::io::sink());
        let large = vec![0u8; 5 << 20];
        instr.measure_broadcast_size(&large[..], "model");
        instr.measure_broadcast_size(&large[..], "model");
    };
    // `tracing` decides once whether anybody listens to an event. Were that first time in another test while this one
    // begins to listen, the event could count as unheard: so it is here, before.
    warn_twice();
    let levels = Levels::default();
    tracing::subscriber::with_default(levels.clone(), warn_twice);
    assert_eq!(*levels.0.lock().unwrap(), [tracing::Level::WARN]);
}

/// What is kept does not grow with the life of a process, and can be forgotten.
#[tokio::test]
async fn names_and_warnings_are_bounded_and_can_be_reset() {
    let instr = Instrumentation::new(Verbosity::Warnings).with_output(std::io::sink());
    for step in 0..5000 {
        let name = format!("step {step}");
        instr.measure_broadcast_size(&[0u8][..], &name);
        instr.scope(&name).fail("x");
    }
    let metrics = instr.metrics();
    for kept in [metrics.broadcasts.len(), metrics.scopes.len(), metrics.warnings.len()] {
        assert!((500..=1000).contains(&kept), "{kept}");
    }
    assert_eq!(metrics.broadcasts.get("step 4999"), Some(&1));
    instr.reset();
    assert_eq!(instr.metrics(), datafusion_measure::Metrics::default());
    instr.scope("step 4999").fail("x");
    assert_eq!(instr.metrics().warnings.len(), 1, "what was forgotten can be warned about again");
}

#[tokio::test]
async fn several_reporters_get_the_same_events() {
    let (text, json) = (Lines::default(), Lines::default());
    let reporters: Vec<Arc<dyn Reporter>> =
        vec![Arc::new(TextReporter::new(text.clone())), Arc::new(JsonReporter::new(json.clone()))];
    let instr = Instrumentation::new(Verbosity::Info).with_reporter(reporters);
    let frame = numbers(&context(1), 1, 1).filter(col("n").gt(lit(0i64))).unwrap();
    instr.analyze_dataframe(&frame, "both", false).await.unwrap();
    assert!(text.text().starts_with("  DataFrame 'both':"), "{}", text.text());
    assert!(json.text().contains("\"event\":\"data_frame\",\"name\":\"both\""), "{}", json.text());
}
