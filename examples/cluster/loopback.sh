#!/usr/bin/env bash
# A cluster on this machine: a scheduler and two executors on the loopback interface, and one run on them that must write
# what a run in one process writes. Needs the programs of a build with the feature `cluster`:
#
#   cargo build --release --features cluster && examples/cluster/loopback.sh
#   examples/cluster/loopback.sh --keep              # leave the cluster up until Ctrl-C
#   PROGRAMS=/usr/bin examples/cluster/loopback.sh   # other programs
set -euo pipefail
cd "$(dirname "$0")/../.."

programs=${PROGRAMS:-${CARGO_TARGET_DIR:-target}/release}
scheduling=${SCHEDULING:-push}
for program in predict_classifier classifier_scheduler classifier_executor; do
  [ -x "$programs/$program" ] || { echo "no $programs/$program; cargo build --release --features cluster" >&2; exit 3; }
done

work=$(mktemp -d)
children=()
finish() {
  # Only what this script started.
  [ ${#children[@]} -eq 0 ] || kill -TERM "${children[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

"$programs/classifier_scheduler" --scheduling "$scheduling" &
children+=($!)
for number in 1 2; do
  "$programs/classifier_executor" --scheduling "$scheduling" --cores 1 \
    --port $((20051 + 10 * number)) --task-port $((20052 + 10 * number)) &
  children+=($!)
done

"$programs/predict_classifier" --output "$work/here"
"$programs/predict_classifier" --output "$work/there" --cluster http://127.0.0.1:20050
diff --recursive --exclude .skol_classifier "$work/here" "$work/there"
echo "two executors wrote what one process writes"

if [ "${1:-}" = --keep ]; then
  echo "predict_classifier --cluster http://127.0.0.1:20050; Ctrl-C ends the cluster"
  wait
fi
