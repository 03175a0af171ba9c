#!/usr/bin/env bash
# The packages of a program that takes datafusion-measure alone, against one that takes datafusion and datafusion-proto
# with the same features: at most fifteen more, and none that a measuring library must not bring. Builds nothing, and
# needs no network where the workspace's packages have been downloaded.
set -euo pipefail
cd "$(dirname "$0")/.."

most=15
forbidden='^(ring|aws-lc-rs|aws-lc-sys|openssl|native-tls|rustls|reqwest|hyper|clap|couch_rs|linfa|skol_classifier) '
root=$PWD
version=$(sed -n 's/^datafusion = { version = "\([^"]*\)".*/\1/p' Cargo.toml)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# The packages of a program with these dependencies, one a line.
packages() {
  mkdir -p "$folder/src"
  echo 'fn main() {}' > "$folder/src/main.rs"
  { printf '[package]\nname = "program"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n[dependencies]\n'; printf '%s\n' "$@"; } \
    > "$folder/Cargo.toml"
  cp Cargo.lock "$folder"
  cargo tree --offline --manifest-path "$folder/Cargo.toml" --edges normal --prefix none --format '{p}' |
    sed 's/ ([^)]*)//g' | grep -v '^program ' | sort -u
}

# What datafusion-measure with features $1 has that DataFusion's two crates with features $2 and defaults $3 have not.
compare() {
  packages "datafusion-measure = { path = \"$root/crates/datafusion-measure\", default-features = false, features = [$1] }" \
    "datafusion = { version = \"$version\", default-features = $3 }" > "$folder/with"
  packages "datafusion = { version = \"$version\", default-features = $3, features = [$2] }" \
    "datafusion-proto = { version = \"$version\", default-features = $3, features = [$2] }" > "$folder/without"
  local more bad
  more=$(comm -23 "$folder/with" "$folder/without" | grep -v '^datafusion-measure ' || true)
  echo "datafusion-measure, features [$1], DataFusion's defaults $3: $(wc -l < "$folder/with") packages, DataFusion's two crates" \
    "$(wc -l < "$folder/without"); more: ${more:-none}"
  if [ "$(printf '%s' "$more" | grep -c .)" -gt "$most" ]; then
    echo "error: more than $most more packages" >&2
    return 1
  fi
  if bad=$(comm -23 "$folder/with" "$folder/without" | grep -E "$forbidden"); then
    echo "error: it must not bring $bad" >&2
    return 1
  fi
}

compare '' '' false
compare '"checkpoint"' '"parquet"' false
