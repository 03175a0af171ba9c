#!/bin/sh
# Installs the server that the CouchDB tests run against (pouchdb-server, from the npm registry that npm is set
# up for). With SKOL_TEST_COUCHDB_URL set to a CouchDB 3.x the tests use that one and nothing is installed.
set -eu
if [ -n "${SKOL_TEST_COUCHDB_URL:-}" ]; then
    echo "SKOL_TEST_COUCHDB_URL is set: the tests use that server"
    exit 0
fi
cd "$(dirname "$0")/../tests/couchdb-server"
if ! command -v npm >/dev/null; then
    echo "npm is missing: install Node.js, or set SKOL_TEST_COUCHDB_URL to a CouchDB 3.x" >&2
    exit 1
fi
if [ node_modules/.package-lock.json -nt package-lock.json ] 2>/dev/null; then
    exit 0
fi
# No install scripts: the key-value store comes as a built library, the rest is plain JavaScript.
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
touch node_modules/.package-lock.json
