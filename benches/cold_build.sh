#!/usr/bin/env bash
# From nothing but Rust to labelled text: a fresh clone, an empty cargo cache, an empty target folder,
# and the README's first command. Prints how long it took, the CPU time of the build and the size of the program.
#
#   benches/cold_build.sh [--repo URL or PATH] [--work DIR] [--keep]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
repo=$(cd "$here/.." && pwd)
work= keep=
while [ $# -gt 0 ]; do
  case $1 in
    --repo) repo=${2:?--repo needs a value}; shift 2 ;;
    --work) work=${2:?--work needs a value}; shift 2 ;;
    --keep) keep=yes; shift ;;
    *) echo "cold_build.sh: unknown option $1" >&2; exit 2 ;;
  esac
done
if [ -z "$work" ]; then work=$(mktemp -d "${TMPDIR:-/tmp}/cold_build.XXXXXX"); else mkdir -p "$work"; fi
[ -e "$work/clone" ] && { echo "cold_build.sh: $work/clone is already there" >&2; exit 2; }
[ -n "$keep" ] || trap 'rm -rf "$work/clone" "$work/cargo" "$work/log"; rmdir "$work" 2>/dev/null || true' EXIT

# How this machine reaches the registry is its own affair; only downloads and builds start from nothing.
mkdir -p "$work/cargo"
old_home=${CARGO_HOME:-$HOME/.cargo}
for file in config.toml config; do [ -f "$old_home/$file" ] && cp "$old_home/$file" "$work/cargo/"; done
export CARGO_HOME=$work/cargo
unset CARGO_TARGET_DIR CARGO_BUILD_TARGET_DIR
unset RUSTC_WRAPPER CARGO_BUILD_RUSTC_WRAPPER

start=$(date +%s.%N)
git clone --quiet "$repo" "$work/clone"
cd "$work/clone"
cloned=$(date +%s.%N)
cargo fetch --quiet --locked
fetched=$(date +%s.%N)
built=$(python3 "$here/measure.py" -- cargo build --locked --release --bin predict_classifier)
cargo run --locked --release --bin predict_classifier -- --verbosity 2 2>&1 | tee "$work/log"
end=$(date +%s.%N)
size=$(stat -c %s target/release/predict_classifier)

annotations=$(find output -name '*.ann' | wc -l)
[ "$annotations" -gt 0 ] || { echo "cold_build.sh: no annotation was written" >&2; exit 1; }
python3 - "$start" "$cloned" "$fetched" "$end" "$annotations" "$(nproc)" "$built" "$size" <<'PY'
import json
import sys

start, cloned, fetched, end = map(float, sys.argv[1:5])
print(f"\nfrom nothing to {sys.argv[5]} annotations: {(end - start) / 60:.1f} min on {sys.argv[6]} cores "
      f"(clone {cloned - start:.0f} s, download {fetched - cloned:.0f} s, build and run {end - fetched:.0f} s)")
print(f"the build took {json.loads(sys.argv[7])['cpu_s'] / 60:.1f} CPU minutes; "
      f"predict_classifier is {int(sys.argv[8]) / 1e6:.0f} MB")
PY
