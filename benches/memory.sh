#!/usr/bin/env bash
# Peak memory of predict_classifier for a folder and for a hundred times as much: promise 8, "bounded".
#
#   benches/memory.sh [--binary PROGRAM] [--input FOLDER] [--model NAME] [--small MB]... [--factor N]
#                     [--cores N] [--limit RATIO] [--work DIR]
#
# For each --small (default 16 and 34 MB) the input folder's text is written to that size, run, then run
# again with N (default 100) hard-linked copies of it. Prints both peaks and their ratio; exit code 1 if
# a ratio is above --limit (default 1.3). Needs free disk for input and annotations of the large run,
# about small x (factor + 1) MB (the input's copies take none).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)

binary=$root/target/release/predict_classifier
input=$root/examples/documents
model= factor=100 cores=2 limit=1.3 work=$root/target/memory
small=()
while [ $# -gt 0 ]; do
  [ $# -ge 2 ] || { echo "memory.sh: $1 needs a value" >&2; exit 2; }
  case $1 in
    --binary) binary=$2 ;;
    --input) input=$2 ;;
    --model) model=$2 ;;
    --small) small+=("$2") ;;
    --factor) factor=$2 ;;
    --cores) cores=$2 ;;
    --limit) limit=$2 ;;
    --work) work=$2 ;;
    *) echo "memory.sh: unknown option $1" >&2; exit 2 ;;
  esac
  shift 2
done
[ ${#small[@]} -gt 0 ] || small=(16 34)
[ -x "$binary" ] || { echo "memory.sh: no program at $binary: cargo build --release, or --binary PROGRAM" >&2; exit 2; }

run() { # run INPUT: prints "peak-MiB wall-s files"
  rm -rf "$work/out"
  local line
  line=$(python3 "$here/measure.py" -- "$binary" ${model:+--model "$model"} --cores "$cores" --verbosity 0 --output "$work/out" "$1" 2>"$work/log") || {
    echo "memory.sh: the program failed on $1:" >&2
    tail -n 20 "$work/log" >&2
    exit 1
  }
  local wanted written
  wanted=$(find "$1" -name '*.txt' | wc -l)
  written=$(find "$work/out" -name '*.ann' | wc -l)
  [ "$wanted" = "$written" ] || { echo "memory.sh: $written annotations for $wanted files in $1" >&2; exit 1; }
  python3 -c 'import json,sys; r=json.loads(sys.argv[1]); print("%.1f %.1f %s" % (r["peak_rss_mib"], r["wall_s"], sys.argv[2]))' "$line" "$wanted"
}

status=0
printf '%12s %8s %12s %10s %8s\n' 'input' 'files' 'peak, MiB' 'wall, s' 'ratio'
for mb in "${small[@]}"; do
  rm -rf "$work"
  mkdir -p "$work/many"
  # About 50 kB a file, like one article.
  python3 - "$here/peers" "$input" "$work/one" "$mb" <<'PY'
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
from corpus import build_input
build_input([sys.argv[2]], Path(sys.argv[3]), float(sys.argv[4]), max(1, int(float(sys.argv[4]) * 20)))
PY
  for copy in $(seq -w 1 "$factor"); do cp -al "$work/one" "$work/many/copy$copy"; done
  read -r peak_small wall files < <(run "$work/one")
  printf '%9s MB %8s %12s %10s\n' "$mb" "$files" "$peak_small" "$wall"
  read -r peak_large wall files < <(run "$work/many")
  ratio=$(python3 -c 'import sys; print("%.2f" % (float(sys.argv[2]) / float(sys.argv[1])))' "$peak_small" "$peak_large")
  printf '%9s MB %8s %12s %10s %8s\n' "$(python3 -c 'import sys; print("%g" % (float(sys.argv[1]) * int(sys.argv[2])))' "$mb" "$factor")" "$files" "$peak_large" "$wall" "$ratio"
  python3 -c 'import sys; sys.exit(float(sys.argv[1]) > float(sys.argv[2]))' "$ratio" "$limit" || { echo "above the limit of $limit"; status=1; }
done
rm -rf "$work"
exit $status
