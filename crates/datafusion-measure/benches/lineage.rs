//! What a deep plan costs, with and without automatic checkpoints.
//!
//! ```text
//! cargo bench --bench lineage              # the table, on standard output
//! cargo bench --bench lineage -- --write   # also docs/lineage.md and docs/lineage.svg
//! cargo bench --bench lineage -- --stack   # stack that work on deep plans takes, for src/instrumentation/stack.rs
//! ```
//!
//! A chain of n steps, each a column made from the one before (used twice, so that the optimizer keeps the steps
//! apart), over 20,000 rows in two partitions. Time is from the first step to the last row, checkpoints included;
//! the least of nine interleaved runs.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::arrow::array::{Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::MemTable;
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::*;
use datafusion_measure::{self, CheckpointOptions, CheckpointPolicy, Instrumentation, Verbosity};
use datafusion_proto::physical_plan::AsExecutionPlan;
use datafusion_proto::protobuf::PhysicalPlanNode;
use prost::Message;

const STEPS: [usize; 6] = [10, 30, 60, 120, 240, 1000];
const ROWS: i64 = 20_000;
/// A run that takes longer is given up.
const PATIENCE: Duration = Duration::from_secs(300);

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let asked = |flag: &str| arguments.iter().any(|argument| argument == flag);
    if asked("--stack") {
        return stack_per_operator();
    }
    let measured = measure();
    let table = table(&measured);
    print!("{table}");
    if asked("--write") {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/lineage.svg"), plot(&measured))?;
        let page = format!(
            "# Deep lineage: what it costs, and what checkpoints save\n\n\
             Made by `cargo bench --bench lineage -- --write` ({}). Each chain step makes a column from the one \
             before; 20,000 rows, two partitions; seconds from the first step to the \
             last row, the least of {RUNS} interleaved runs. Planning is that of all plans of a run, those of \
             checkpoints too; what is left of the total is execution, and in it measuring.\n\n{table}\n\
             ![Seconds by number of steps](lineage.svg)\n",
            machine()
        );
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/lineage.md"), page)?;
    }
    // A run that was given up still plans on its thread: do not wait for it.
    std::process::exit(0);
}

/// One way of running one chain.
#[derive(Clone, Copy)]
struct Timed {
    planning: Duration,
    total: Duration,
}

struct Measured {
    steps: usize,
    without: Option<Timed>,
    with: Option<Timed>,
}

/// Runs per chain; the least time counts, since whatever else the machine does only adds to it.
const RUNS: usize = 9;

/// Both ways of all chains, interleaved: a busy spell of the machine meets all of them.
fn measure() -> Vec<Measured> {
    let mut measured: Vec<Measured> =
        STEPS.into_iter().map(|steps| Measured { steps, without: None, with: None }).collect();
    for _ in 0..RUNS {
        for row in &mut measured {
            row.without = least(row.without, patiently(row.steps, CheckpointPolicy::Never));
            row.with = least(row.with, patiently(row.steps, CheckpointPolicy::Auto));
        }
    }
    measured
}

fn least(known: Option<Timed>, new: Option<Timed>) -> Option<Timed> {
    [known, new].into_iter().flatten().min_by_key(|timed| timed.total)
}

/// Runs a chain on a thread of its own; nothing when it takes too long.
fn patiently(steps: usize, policy: CheckpointPolicy) -> Option<Timed> {
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let timed = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(chain(steps, policy)));
        let _ = send.send(timed);
    });
    match receive.recv_timeout(PATIENCE) {
        Ok(Ok(timed)) => Some(timed),
        Ok(Err(error)) => {
            eprintln!("{steps} steps: {error}");
            None
        }
        Err(_) => None,
    }
}

async fn chain(steps: usize, policy: CheckpointPolicy) -> Result<Timed> {
    let instr = Instrumentation::new(Verbosity::Warnings)
        .with_output(std::io::sink())
        .with_checkpoint(CheckpointOptions { policy, ..CheckpointOptions::default() });
    let start = Instant::now();
    let mut frame = source()?;
    let mut last = "n".to_owned();
    for step in 0..steps {
        let name = format!("c{step}");
        let next = (col(&last) % lit(1000i64) + col(&last) % lit(7i64)).alias(&name);
        frame = frame.select(vec![col("n"), next])?;
        last = name;
        frame = instr.checkpoint_if_needed(frame, &last, 30).await?;
    }
    let planning = Instant::now();
    let plan = datafusion_measure::plan(&frame).await?;
    let checkpoints = instr.metrics().dataframes;
    let checkpoints: f64 = checkpoints.iter().filter_map(|(_, made)| made.checkpoint_planning_s).sum();
    let planning = planning.elapsed() + Duration::from_secs_f64(checkpoints);
    let context = Arc::new(frame.task_ctx());
    let rows = datafusion_measure::run(plan, context, |plan, context| async move {
        let batches = datafusion::physical_plan::collect(Arc::clone(&plan), context).await?;
        datafusion_measure::release(plan);
        Ok(batches.iter().map(RecordBatch::num_rows).sum::<usize>())
    })
    .await?;
    assert_eq!(rows as i64, ROWS);
    let total = start.elapsed();
    datafusion_measure::release_frame(frame);
    Ok(Timed { planning, total })
}

fn source() -> Result<DataFrame> {
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
    let part = |from, to| -> Result<Vec<RecordBatch>> {
        Ok(vec![RecordBatch::try_new(
            Arc::clone(&schema),
            vec![Arc::new(Int64Array::from_iter_values(from..to))],
        )?])
    };
    let table = MemTable::try_new(Arc::clone(&schema), vec![part(0, ROWS / 2)?, part(ROWS / 2, ROWS)?])?;
    SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2))
        .read_table(Arc::new(table))
}

fn seconds(timed: Option<Timed>, which: impl Fn(Timed) -> Duration) -> String {
    timed.map_or_else(
        || format!("> {}", PATIENCE.as_secs()),
        |timed| format!("{:.3}", which(timed).as_secs_f64()),
    )
}

fn table(measured: &[Measured]) -> String {
    let mut text = String::from(
        "| steps | planning without | total without | planning with | total with | total with, per step (ms) |\n\
         |---:|---:|---:|---:|---:|---:|\n",
    );
    for row in measured {
        let per_step = row.with.map_or(0.0, |timed| timed.total.as_secs_f64() * 1000.0 / row.steps as f64);
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {per_step:.2} |",
            row.steps,
            seconds(row.without, |timed| timed.planning),
            seconds(row.without, |timed| timed.total),
            seconds(row.with, |timed| timed.planning),
            seconds(row.with, |timed| timed.total),
        );
    }
    text
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{} {}, {cores} cores", std::env::consts::OS, std::env::consts::ARCH)
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 400.0;
/// Margins of the plot: left, right, top, bottom.
const MARGINS: [f64; 4] = [70.0, 20.0, 40.0, 55.0];

/// Both curves on logarithmic axes: linear growth is a line of slope one.
fn plot(measured: &[Measured]) -> String {
    let all = measured.iter().flat_map(|row| [row.without, row.with]).flatten();
    let (least, most) = all
        .map(|timed| timed.total.as_secs_f64())
        .fold((f64::MAX, f64::MIN), |(least, most), s| (least.min(s), most.max(s)));
    let (low, high) = (least.log10().floor(), most.log10().ceil());
    let (first, last) = (STEPS[0] as f64, STEPS[STEPS.len() - 1] as f64);
    let x = |steps: f64| {
        let share = (steps.log10() - first.log10()) / (last.log10() - first.log10());
        MARGINS[0] + share * (WIDTH - MARGINS[0] - MARGINS[1])
    };
    let y = |seconds: f64| {
        let share = (seconds.log10() - low) / (high - low).max(1.0);
        HEIGHT - MARGINS[3] - share * (HEIGHT - MARGINS[2] - MARGINS[3])
    };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\" role=\"img\">\n<title>Seconds by number of chained steps, with and without automatic \
         checkpoints</title>\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{}\" y=\"22\" font-size=\"14\">Seconds from the first step to the last row</text>\n",
        MARGINS[0]
    );
    for exponent in low as i32..=high as i32 {
        let at = y(10f64.powi(exponent));
        let _ = writeln!(
            svg,
            "<line x1=\"{}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>\n\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{} s</text>",
            MARGINS[0],
            WIDTH - MARGINS[1],
            MARGINS[0] - 8.0,
            at + 4.0,
            10f64.powi(exponent),
        );
    }
    for steps in STEPS {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{steps}</text>",
            x(steps as f64),
            HEIGHT - MARGINS[3] + 20.0,
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">chained steps</text>",
        (WIDTH + MARGINS[0]) / 2.0,
        HEIGHT - 12.0,
    );
    let without: Vec<_> = measured.iter().map(|row| (row.steps, row.without)).collect();
    let with: Vec<_> = measured.iter().map(|row| (row.steps, row.with)).collect();
    let curves = [
        ("without checkpoints", "#c0392b", without, 60.0),
        ("with automatic checkpoints", "#1f6fb2", with, 78.0),
    ];
    for (name, color, runs, label) in curves {
        let points: Vec<(f64, f64)> = runs
            .into_iter()
            .filter_map(|(steps, timed)| Some((x(steps as f64), y(timed?.total.as_secs_f64()))))
            .collect();
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>",
            path.join(" ")
        );
        for (x, y) in points {
            let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{color}\"/>");
        }
        let _ =
            writeln!(svg, "<text x=\"{}\" y=\"{label}\" fill=\"{color}\">{name}</text>", MARGINS[0] + 12.0);
    }
    svg.push_str("</svg>\n");
    svg
}

/// What takes stack, on the plan of a chain.
const WORKS: [&str; 4] = ["plan", "encode", "run", "drop"];

/// Steps of the shorter and the longer chain; what one step more takes is the slope between them.
const CHAINS: [usize; 2] = [100, 300];

/// The least stack, to the next 16 KiB, with which each kind of work on a chain of each kind of operator does not
/// overflow, per step. A process of its own tries each, since an overflow ends it.
fn stack_per_operator() -> std::result::Result<(), Box<dyn std::error::Error>> {
    if let Ok(trial) = std::env::var("STACK_TRIAL") {
        return try_stack(&trial);
    }
    let program = std::env::current_exe()?;
    let overflows = |trial: String| -> std::io::Result<bool> {
        let mut command = std::process::Command::new(&program);
        let command = command.arg("--stack").env("STACK_TRIAL", trial).stderr(std::process::Stdio::null());
        Ok(!command.status()?.success())
    };
    println!("KiB of stack per step");
    println!("{:>10} {}", "", WORKS.map(|work| format!("{work:>8}")).concat());
    for kind in KINDS {
        let mut line = format!("{kind:>10} ");
        for work in WORKS {
            let mut least = [0usize; 2];
            for (steps, least) in CHAINS.into_iter().zip(&mut least) {
                let (mut low, mut high) = (1usize, 1 << 13);
                while high - low > 1 {
                    let middle = (low + high) / 2;
                    if overflows(format!("{kind} {work} {steps} {middle}"))? {
                        low = middle
                    } else {
                        high = middle
                    }
                }
                *least = high * 16;
            }
            let slope = (least[1] as f64 - least[0] as f64) / (CHAINS[1] - CHAINS[0]) as f64;
            let _ = write!(line, "{slope:>8.1}");
        }
        println!("{line}");
    }
    Ok(())
}

/// One trial, `<kind> <work> <steps> <stack in 16 KiB>`: ends the process by an overflow, or not.
fn try_stack(trial: &str) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let [kind, work, steps, pages] = trial.split(' ').collect::<Vec<_>>()[..] else {
        return Err(trial.into());
    };
    let (steps, pages): (usize, usize) = (steps.parse()?, pages.parse()?);
    let large = 1 << 30;
    let frame = datafusion_measure::on_stack(large, || operators(kind, steps))??;
    let current = || tokio::runtime::Builder::new_current_thread().enable_all().build();
    let plan = |frame: &DataFrame| -> Result<_> { current()?.block_on(frame.clone().create_physical_plan()) };
    let context = Arc::new(frame.task_ctx());
    let planned =
        if work == "plan" { None } else { Some(datafusion_measure::on_stack(large, || plan(&frame))??) };
    let codec = datafusion_proto::physical_plan::DefaultPhysicalExtensionCodec {};
    // Whatever is not tried is leaked, not dropped: the process is about to end.
    let trial = || -> Result<()> {
        match (work, &planned) {
            ("plan", _) => std::mem::forget(plan(&frame)?),
            ("encode", Some(plan)) => {
                PhysicalPlanNode::try_from_physical_plan(Arc::clone(plan), &codec)?.encoded_len();
            }
            ("run", Some(plan)) => {
                current()?.block_on(datafusion::physical_plan::collect(Arc::clone(plan), context.clone()))?;
            }
            _ => {}
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        // The base that `on_stack` adds is not wanted here.
        let thread = std::thread::Builder::new().stack_size(pages << 14);
        thread.spawn_scoped(scope, trial)?.join().map_err(|_| "the thread panicked")?.map_err(Into::into)
    })
    .and_then(|()| if work == "drop" { drop_on(pages << 14, frame, planned) } else { std::process::exit(0) })
}

/// Drops both plans, last reference each, on a stack of so many bytes.
fn drop_on(
    bytes: usize,
    frame: DataFrame,
    plan: Option<Arc<dyn ExecutionPlan>>,
) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let dropping = std::thread::Builder::new().stack_size(bytes).spawn(move || drop((frame, plan)))?;
    dropping.join().map_err(|_| "the thread panicked".into())
}

const KINDS: [&str; 7] = ["columns", "merged", "filters", "aggregates", "sorts", "joins", "unions"];

/// A chain of `steps` operators of one kind.
fn operators(kind: &str, steps: usize) -> Result<DataFrame> {
    let mut frame = source()?.select(vec![col("n"), col("n").alias("c")])?;
    for step in 0..steps {
        let name = format!("c{step}");
        let last = frame.schema().field(1).name().clone();
        frame = match kind {
            "columns" => {
                let next = (col(&last) % lit(1000i64) + col(&last) % lit(7i64)).alias(name);
                frame.select(vec![col("n"), next])?
            }
            "merged" => frame.select(vec![col("n"), (col(&last) + lit(1i64)).alias(name)])?,
            "filters" => frame.filter(col(&last).gt(lit(step as i64)))?,
            "aggregates" => {
                let most = datafusion::functions_aggregate::expr_fn::max(col(&last)).alias(name);
                frame.aggregate(vec![col("n")], vec![most])?
            }
            "sorts" => {
                frame.sort(vec![col(&last).sort(step % 2 == 0, false)])?.limit(0, Some(100_000 - step))?
            }
            "joins" => {
                let other = source()?.select(vec![col("n").alias(format!("k{step}"))])?;
                let on = format!("k{step}");
                frame.join(other, JoinType::LeftSemi, &["n"], &[&on], None)?
            }
            _ => frame
                .clone()
                .limit(0, Some(10))?
                .union(source()?.select(vec![col("n"), col("n").alias("c")])?)?,
        };
    }
    Ok(frame)
}
