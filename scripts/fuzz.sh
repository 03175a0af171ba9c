#!/usr/bin/env bash
# Runs every fuzz target for so many minutes on stable Rust, and prints how many inputs each took.
#
#   scripts/fuzz.sh              # ten minutes a target
#   scripts/fuzz.sh 2 yedda brat # two minutes, these targets
#
# An input that breaks a promise ends its target; the message names the file that holds it.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:-10}
[[ $minutes =~ ^[0-9]+(\.[0-9]+)?$ ]] || { echo "usage: scripts/fuzz.sh [MINUTES] [TARGET]..." >&2; exit 2; }
shift || true
targets=()
for target in "$@"; do
  [ -f "fuzz/targets/$target.rs" ] || { echo "there is no target '$target' in fuzz/targets" >&2; exit 2; }
  targets+=("fuzz::$target")
done
[ $# -gt 0 ] || targets=(fuzz::)
export SKOL_FUZZ_SECONDS
SKOL_FUZZ_SECONDS=$(awk "BEGIN { print $minutes * 60 }")
cargo test --locked --workspace --all-features --test it -- --nocapture "${targets[@]}"
