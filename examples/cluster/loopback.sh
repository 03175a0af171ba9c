#!/usr/bin/env bash
# A cluster on this machine: a scheduler and two executors on the loopback interface, and one run on them that must write
# what a run in one process writes. Needs the programs of a build with the feature `cluster`:
#
#   cargo build --release --features cluster && examples/cluster/loopback.sh
#   examples/cluster/loopback.sh --keep              # leave the cluster up until Ctrl-C
#   PROGRAMS=/usr/bin examples/cluster/loopback.sh   # other programs
#   PORT=21000 SCHEDULING=pull examples/cluster/loopback.sh   # other ports (this one and four more), pulled tasks
set -euo pipefail
cd "$(dirname "$0")/../.."

programs=${PROGRAMS:-${CARGO_TARGET_DIR:-target}/release}
scheduling=${SCHEDULING:-push}
port=${PORT:-20050}
address=http://127.0.0.1:$port
for program in predict_classifier classifier_scheduler classifier_executor; do
  [ -x "$programs/$program" ] || { echo "no $programs/$program; cargo build --release --features cluster" >&2; exit 3; }
done

work=$(mktemp -d)
scheduler=
executors=()
finish() {
  # Only what this script started; the executors first, which say goodbye to the scheduler.
  if [ ${#executors[@]} -gt 0 ]; then
    kill -TERM "${executors[@]}" 2>/dev/null || true
    wait "${executors[@]}" 2>/dev/null || true
  fi
  if [ -n "$scheduler" ]; then
    kill -TERM "$scheduler" 2>/dev/null || true
    wait "$scheduler" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap finish EXIT

"$programs/classifier_scheduler" --scheduling "$scheduling" --port "$port" &
scheduler=$!
for number in 1 2; do
  "$programs/classifier_executor" --scheduler "$address" --scheduling "$scheduling" --cores 1 \
    --port $((port + 2 * number - 1)) --task-port $((port + 2 * number)) --work-dir "$work/executor$number" &
  executors+=($!)
done

documents=$PWD/examples/documents
"$programs/predict_classifier" "$documents" --output "$work/here"
"$programs/predict_classifier" "$documents" --output "$work/there" --cluster "$address"
diff --recursive --exclude '.skol_classifier*' "$work/here" "$work/there"
echo "two executors wrote what one process writes"

if [ "${1:-}" = --keep ]; then
  echo "predict_classifier DOCUMENTS --cluster $address; Ctrl-C ends the cluster"
  wait
fi
