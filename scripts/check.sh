#!/usr/bin/env bash
# Everything a change must pass: format, lints, tests, documentation. Needs Rust; the CouchDB tests also need Node.js
# with npm (for pouchdb-server, installed here), or SKOL_TEST_COUCHDB_URL pointing at a CouchDB 3.x to test against.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

if [ -z "${SKOL_TEST_COUCHDB_URL:-}" ]; then
  step 'A server that speaks CouchDB, for the tests'
  scripts/install-test-server.sh
fi

step 'Format'
cargo fmt --all --check

step 'Lints'
cargo clippy --locked --workspace --all-targets --all-features -- -D warnings

step 'Packages that datafusion-measure brings'
scripts/check_packages.sh

step 'Tests'
cargo test --locked --workspace --all-features --lib --bins --tests --examples --no-fail-fast

step 'Examples in the documentation'
cargo test --locked --workspace --all-features --doc

step 'Documentation'
RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --all-features --no-deps --quiet

step 'All passed'
