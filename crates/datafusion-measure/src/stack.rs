//! Planning, running and dropping deep plans on a stack that fits.
//!
//! The engine's planner, its operators and the destructors of both kinds of plans recurse once or more per operator;
//! on a thread with the usual 2 MiB a chain of a few hundred operators ends the process. Here the depth is measured
//! first, without recursion; what is deep is then done on a thread whose stack was sized for it, and what is deeper
//! than the largest stack we would ask for is refused with an error. Knows threads and plans' depths, nothing of
//! sizes or output.

use std::future::Future;
use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::DataFrame;
use tracing::Instrument;

use super::Error;
use super::lineage::Lineage;

/// Stack for what does not depend on depth.
const BASE_BYTES: usize = 4 << 20;
/// Stack the planner takes per operator of depth, measured with a reserve; `tests/it/deep.rs` checks it.
const PLAN_BYTES_PER_OPERATOR: usize = if cfg!(debug_assertions) { 192 << 10 } else { 48 << 10 };
/// Stack the planner takes per level of a merged expression.
const PLAN_BYTES_PER_EXPRESSION: usize = if cfg!(debug_assertions) { 24 << 10 } else { 8 << 10 };
/// Stack that execution takes per operator: `execute` and `poll_next` of one inside the other's.
const RUN_BYTES_PER_OPERATOR: usize = if cfg!(debug_assertions) { 32 << 10 } else { 8 << 10 };
/// Stack that evaluating takes per level of an expression.
const RUN_BYTES_PER_EXPRESSION: usize = if cfg!(debug_assertions) { 8 << 10 } else { 4 << 10 };
/// Stack that serializing takes per operator.
const ENCODE_BYTES_PER_OPERATOR: usize = if cfg!(debug_assertions) { 64 << 10 } else { 16 << 10 };
/// Stack that serializing takes per level of an expression.
const ENCODE_BYTES_PER_EXPRESSION: usize = if cfg!(debug_assertions) { 16 << 10 } else { 8 << 10 };
/// Stack that a destructor takes per operator, or level of an expression.
const DROP_BYTES_PER_OPERATOR: usize = if cfg!(debug_assertions) { 4 << 10 } else { 2 << 10 };
/// The largest stack that is asked for. It is address space, not memory: pages are taken as they are touched.
const MAX_BYTES: usize = 4 << 30;
/// What may be needed at most to go on in place: far below what a thread of an asynchronous runtime has.
const IN_PLACE_BYTES: usize = 512 << 10;

/// Stack that work on a plan of this shape takes, in bytes.
fn needed(lineage: &Lineage, per_operator: usize, per_expression: usize) -> usize {
    lineage
        .depth
        .saturating_mul(per_operator)
        .saturating_add(lineage.expression_depth.saturating_mul(per_expression))
}

fn refuse(work: &'static str, lineage: &Lineage, needed_bytes: usize) -> DataFusionError {
    let (operators, expression_levels) = (lineage.depth, lineage.expression_depth);
    Error::TooDeep { work, operators, expression_levels, needed_bytes, limit_bytes: MAX_BYTES }.into()
}

/// Runs `work` on a thread of its own with `bytes` of stack and waits for it, blocking the caller.
///
/// # Errors
/// When the thread cannot be started, and when `work` panics.
pub fn on_stack<T: Send>(bytes: usize, work: impl FnOnce() -> T + Send) -> Result<T> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("deep-plan".into())
            .stack_size(bytes.saturating_add(BASE_BYTES))
            .spawn_scoped(scope, work)
            .map_err(|source| Error::Thread { bytes, source })?
            .join()
            .map_err(|_| Error::Panicked.into())
    })
}

/// Runs a future to its end on a thread of its own with `bytes` of stack, within the current runtime.
async fn future_on_stack<T: Send + 'static>(
    bytes: usize,
    future: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let runtime = tokio::runtime::Handle::try_current().map_err(Error::Runtime)?;
    let (send, receive) = tokio::sync::oneshot::channel();
    let future = future.in_current_span();
    std::thread::Builder::new()
        .name("deep-plan".into())
        .stack_size(bytes.saturating_add(BASE_BYTES))
        .spawn(move || {
            // The receiver is gone only when the caller was cancelled; then nobody wants the result.
            let _ = send.send(runtime.block_on(future));
        })
        .map_err(|source| Error::Thread { bytes, source })?;
    receive.await.map_err(|_| Error::Panicked)?
}

/// The physical plan of `frame`, planned on a stack that fits its depth.
///
/// The physical plan can itself be deep: run it with [`run`], and give it to [`release`] when done.
///
/// # Errors
/// Those of the planner, and [`Error::TooDeep`] for a plan deeper than the largest stack
/// allows. Never ends the process.
pub async fn plan(frame: &DataFrame) -> Result<Arc<dyn ExecutionPlan>> {
    let lineage = Lineage::of_logical(frame.logical_plan());
    let needed = needed(&lineage, PLAN_BYTES_PER_OPERATOR, PLAN_BYTES_PER_EXPRESSION);
    if needed > MAX_BYTES {
        return Err(refuse("be planned", &lineage, needed));
    }
    if needed <= IN_PLACE_BYTES {
        return frame.create_physical_plan().await;
    }
    // Cloning recurses through the expressions of the topmost operator.
    let frame = on_stack(needed, || frame.clone())?;
    future_on_stack(needed, async move { frame.create_physical_plan().await }).await
}

/// A copy of `frame`, made on a stack that fits: copying recurses through the expressions of the topmost operator.
#[cfg(feature = "checkpoint")]
pub(crate) fn clone_frame(frame: &DataFrame) -> Result<DataFrame> {
    let lineage = Lineage::of_logical(frame.logical_plan());
    let needed = needed(&lineage, PLAN_BYTES_PER_OPERATOR, PLAN_BYTES_PER_EXPRESSION).min(MAX_BYTES);
    if needed <= IN_PLACE_BYTES { Ok(frame.clone()) } else { on_stack(needed, || frame.clone()) }
}

/// Operators on the longest path that the optimizer leaves of `frame`'s plan.
#[cfg(feature = "checkpoint")]
pub(crate) async fn optimized_depth(frame: &DataFrame) -> Result<usize> {
    let lineage = Lineage::of_logical(frame.logical_plan());
    let needed = needed(&lineage, PLAN_BYTES_PER_OPERATOR, PLAN_BYTES_PER_EXPRESSION);
    if needed > MAX_BYTES {
        return Err(refuse("be planned", &lineage, needed));
    }
    let optimize = |frame: DataFrame| {
        let optimized = frame.into_optimized_plan()?;
        let lineage = Lineage::of_logical(&optimized);
        drop_deep(optimized, &lineage);
        Ok(lineage.depth)
    };
    let frame = clone_frame(frame)?;
    if needed <= IN_PLACE_BYTES {
        return optimize(frame);
    }
    future_on_stack(needed, async move { optimize(frame) }).await
}

/// Runs `work` with what it takes to execute `plan`: in place for a shallow plan, else on a runtime of its own whose
/// threads have a stack that fits.
///
/// # Errors
/// Those of `work`, and [`Error::TooDeep`] for a plan that is too deep to be run.
pub async fn run<T, F>(
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    work: impl FnOnce(Arc<dyn ExecutionPlan>, Arc<TaskContext>) -> F,
) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let lineage = Lineage::of_physical(&plan);
    let needed = needed(&lineage, RUN_BYTES_PER_OPERATOR, RUN_BYTES_PER_EXPRESSION);
    if needed > MAX_BYTES / 4 {
        drop_deep(plan, &lineage);
        return Err(refuse("be run", &lineage, needed));
    }
    let future = work(plan, context);
    if needed <= IN_PLACE_BYTES {
        return future.await;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(needed.saturating_add(BASE_BYTES))
        .thread_name("deep-plan")
        .enable_all()
        .build()
        .map_err(|source| Error::Thread { bytes: needed, source })?;
    let runtime = Background(Some(runtime));
    let Some(handle) = runtime.0.as_ref().map(tokio::runtime::Runtime::handle) else { return future.await };
    handle
        .spawn(future.in_current_span())
        .await
        .map_err(|error| DataFusionError::Execution(format!("a deep plan did not finish: {error}")))?
}

/// A runtime that ends without blocking, also when the future that waits for it is dropped half-way.
struct Background(Option<tokio::runtime::Runtime>);

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Runs `work`, which serializes a plan of this shape, in place or on a stack that fits.
pub(super) fn serialize<T: Send>(lineage: &Lineage, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let needed = needed(lineage, ENCODE_BYTES_PER_OPERATOR, ENCODE_BYTES_PER_EXPRESSION);
    if needed > MAX_BYTES {
        return Err(refuse("be serialized", lineage, needed));
    }
    if needed <= IN_PLACE_BYTES { work() } else { on_stack(needed, work)? }
}

/// Drops something that holds plans of this shape at most without overflowing the caller's stack.
pub(super) fn drop_deep<T: Send>(value: T, lineage: &Lineage) {
    let needed = needed(lineage, DROP_BYTES_PER_OPERATOR, DROP_BYTES_PER_OPERATOR);
    if needed <= IN_PLACE_BYTES {
        return drop(value);
    }
    // Without a thread there is no stack that fits: leaking is better than ending the process.
    let mut value = Some(value);
    let taken = &mut value;
    let outcome = on_stack(needed, move || drop(taken.take()));
    if outcome.is_err() {
        std::mem::forget(value);
    }
}

/// Drops a DataFrame whose plan may be very deep.
///
/// The destructor of a plan recurses once per operator; at many thousand operators that alone overflows a small
/// stack. Call this instead of letting such a frame go out of scope.
pub fn release_frame(frame: DataFrame) {
    let lineage = Lineage::of_logical(frame.logical_plan());
    drop_deep(frame, &lineage);
}

/// Drops a physical plan that may be very deep; see [`release_frame`].
pub fn release(plan: Arc<dyn ExecutionPlan>) {
    let lineage = Lineage::of_physical(&plan);
    drop_deep(plan, &lineage);
}
