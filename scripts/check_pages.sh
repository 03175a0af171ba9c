#!/usr/bin/env bash
# Looks at pages in a real browser, and corrects one: needs Chromium and Node.js with npm. check_pages.sh PROGRAMS
set -euo pipefail
cd "$(dirname "$0")/.."
programs=$(realpath "$1")
(cd tests/browser && { [ -d node_modules ] || npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error; })
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# The page of datafusion-measure is written by its own test.
mkdir "$scratch/reports"
REPORT_FOLDER="$scratch/reports" cargo test --locked --quiet --workspace --all-features --test it -- \
    the_page_shows_plans_stages_partitions_sizes_lineage_and_what_changed
CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome)} \
    node tests/browser/pages.mjs "$programs" "$scratch" ${SCREENSHOTS:+"$SCREENSHOTS"}
