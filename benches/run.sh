#!/usr/bin/env bash
# Every benchmark by one command.
#
#   benches/run.sh                     # all that need nothing but the release build and Python 3
#   benches/run.sh memory cores        # these
#   benches/run.sh --list              # what there is, and which figure of the README each one gives
#   ANNOTATED=DIR benches/run.sh peers # needs a folder of annotated files (YEDDA), PyPI and a Java runtime
#
# Builds the release programs first. What a benchmark prints goes to the terminal and to target/benches/NAME.txt.
set -euo pipefail
cd "$(dirname "$0")/.."

# name | what it measures | where its figure stands | needs
list='hot_path   | paragraphs to labels, per shipped model, in process            | -                             | Rust
cores      | wall time: one core against two, and a single article            | README, How fast              | Python 3
memory     | peak memory for a folder and for a hundred times as much         | README, How fast              | Python 3, 7 GB of disk
overhead   | what the instrumentation costs at each verbosity                 | docs/instrumentation.md       | Python 3
signals    | seconds from a signal to the end, by batch size and cores        | -                             | Python 3
lineage    | planning time and checkpoints by depth of the lineage            | docs/lineage.md               | Rust
cold_build | a fresh clone to labelled text: CPU time, wall time, size        | CONTRIBUTING.md               | an hour at most
couchdb    | documents per second between two databases                      | benches/couchdb               | Python 3, Node.js
quiet_night| a night without news, with and without --since last              | docs/couchdb.md               | Python 3, a CouchDB (COUCHDB_URL)
peers      | MB per CPU second next to scikit-learn, PySpark and wc -w        | README, How fast              | ANNOTATED, PyPI, Java 17'

programs() { cargo build --release --locked --bins; }

run() {
  case $1 in
    hot_path) cargo bench --locked --bench hot_path ;;
    cores) programs && python3 benches/cores.py ;;
    memory) programs && benches/memory.sh ;;
    overhead) programs && python3 benches/overhead.py ;;
    signals) programs && python3 benches/signals.py ;;
    lineage) cargo bench --locked -p datafusion-measure --bench lineage ;;
    cold_build) benches/cold_build.sh ;;
    couchdb) programs && python3 benches/couchdb/bench.py ${COUCHDB_URL:+--url "$COUCHDB_URL"} ;;
    quiet_night) programs && python3 benches/couchdb/quiet_night.py --url "${COUCHDB_URL:?set COUCHDB_URL to a CouchDB}" ;;
    peers) programs && benches/peers/run.sh --annotated "${ANNOTATED:?set ANNOTATED to a folder of annotated files}" ;;
    *) echo "run.sh: there is no benchmark '$1'; benches/run.sh --list shows them" >&2; exit 2 ;;
  esac
}

if [ "${1:-}" = --list ]; then
  printf '%s\n' "$list"
  exit 0
fi
[ $# -gt 0 ] || set -- hot_path cores memory overhead lineage
mkdir -p target/benches
for name in "$@"; do
  printf '\n== %s\n' "$name"
  run "$name" 2>&1 | tee "target/benches/$name.txt"
done
