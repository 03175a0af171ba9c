#!/usr/bin/env bash
# Everything a change must pass: format, lints, tests, documentation. Needs Rust with a C compiler; the CouchDB tests
# also need Node.js with npm (for pouchdb-server, installed here), or SKOL_TEST_COUCHDB_URL pointing at a CouchDB 3.x.
# Where Chromium or promtool are installed, the pages and the alert rules are tested with them too.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

# What is missing is named before anything is built.
missing=''
command -v cargo >/dev/null || missing+=' Rust (https://rustup.rs)'
command -v cc >/dev/null || missing+=' a C compiler (Debian: build-essential; macOS: xcode-select --install)'
if [ -z "${SKOL_TEST_COUCHDB_URL:-}" ] && ! command -v npm >/dev/null; then
  missing+=' Node.js with npm (Debian: apt install npm), or SKOL_TEST_COUCHDB_URL with the address of a CouchDB 3.x'
fi
[ -z "$missing" ] || { echo "to be installed first:$missing" >&2; exit 1; }

if [ -z "${SKOL_TEST_COUCHDB_URL:-}" ]; then
  step 'A server that speaks CouchDB, for the tests'
  scripts/install-test-server.sh
fi

step 'Format'
cargo fmt --all --check

step 'Lints'
cargo clippy --locked --workspace --all-targets --all-features -- -D warnings
# As most people build it: what only a feature uses is no warning there either.
cargo clippy --locked --lib --bins -- -D warnings

step 'Tests'
cargo test --locked --workspace --all-features --lib --bins --tests --examples --no-fail-fast

step 'Examples in the documentation'
cargo test --locked --workspace --all-features --doc

step 'Documentation'
RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --all-features --no-deps --quiet

if command -v npm >/dev/null && command -v chromium chromium-browser google-chrome >/dev/null; then
  step 'Pages in a browser'
  scripts/check_pages.sh "${CARGO_TARGET_DIR:-target}/debug"
fi

if command -v promtool >/dev/null; then
  step 'Alert rules'
  promtool check rules examples/monitoring/alerts.yml
  promtool test rules examples/monitoring/alerts_test.yml
fi

if command -v mdbook >/dev/null; then
  step "User's guide"
  mdbook build docs
fi

step 'All passed'
