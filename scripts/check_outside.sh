#!/usr/bin/env bash
# Runs what users of DataFusion run, in sessions measured by datafusion-measure and not, and compares. The program is no
# member of the workspace: it takes DataFusion with its default features, so it is built on its own (some minutes).
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/outside"
cargo run --locked --quiet --manifest-path crates/datafusion-measure/tests/outside/Cargo.toml
