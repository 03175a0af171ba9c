#!/usr/bin/env bash
# Installs the peers (once, in a virtual environment) and runs the comparison; arguments go to run.py.
#
#   benches/peers/run.sh --annotated DIR            # DIR: annotated files, for training and as input
#   PEERS_VENV=/some/venv benches/peers/run.sh ...  # use or make the virtual environment there
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
venv=${PEERS_VENV:-$root/target/peers/venv}

if ! "$venv/bin/python" -c 'import sklearn, pyspark' 2>/dev/null; then
  echo "installing the peers into $venv" >&2
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --requirement "$here/requirements.txt"
fi
skip=()
if ! command -v java >/dev/null && [ -z "${JAVA_HOME:-}" ]; then
  echo "no Java here: PySpark is left out (install a Java 17 runtime to have it)" >&2
  skip=(--skip spark)
fi
exec python3 "$here/run.py" --python "$venv/bin/python" "${skip[@]}" "$@"
