#!/usr/bin/env bash
# Builds the Debian package into target/debian/. Needs cargo-deb (cargo install --locked cargo-deb).
# PROFILE=release is quicker to make and larger; PROFILE=dev packs a debug build, which is enough to test the package itself.
set -euo pipefail
cd "$(dirname "$0")/.."
profile=${PROFILE:-dist}
folder=$([ "$profile" = dev ] && echo debug || echo "$profile")
target=${CARGO_TARGET_DIR:-target}
cargo deb --version >/dev/null 2>&1 || { echo 'cargo-deb is missing: cargo install --locked cargo-deb' >&2; exit 1; }
cargo build --locked --package skol_classifier --bins --profile "$profile"
# The units of a package run the programs of the package.
# Cargo.toml names them below target/, wherever the build itself is.
mkdir -p target/package/debian
sed 's|/usr/local/bin/|/usr/bin/|' examples/cron/skol-classifier.service >target/package/debian/skol-classifier.service
cp examples/cron/skol-classifier.timer target/package/debian/
packaging/completions.sh "$target/$folder" target/package/completions
cargo deb --no-build --locked --profile "$profile" --output "$target/debian/"
ls -l "$target"/debian/*.deb
