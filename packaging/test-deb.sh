#!/usr/bin/env bash
# Installs a package that build-deb.sh made, uses it, and removes it again: test-deb.sh FILE.deb
# Runs as root installing for real (a container is a good place), else it unpacks to a temporary folder.
set -euo pipefail
package=$(realpath "$1")
root=''
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "failed: $*" >&2; exit 1; }

if [ "$(id -u)" = 0 ] && [ -z "${UNPACK_ONLY:-}" ]; then
    dpkg --install "$package"
    remove() { dpkg --purge skol-classifier; }
else
    root=$work/root
    dpkg-deb --extract "$package" "$root"
    remove() { rm -rf "$root"; }
fi
programs='predict_classifier train_classifier evaluate_classifier convert_annotations'
for program in $programs; do
    "$root/usr/bin/$program" --version >/dev/null || fail "$program does not run"
    [ -s "$root/usr/share/man/man1/$program.1.gz" ] || fail "no man page of $program"
    [ -s "$root/usr/share/bash-completion/completions/$program" ] || fail "no completions of $program"
    bash -n "$root/usr/share/bash-completion/completions/$program"
done
for file in usr/share/zsh/vendor-completions/_predict_classifier \
    usr/share/fish/vendor_completions.d/predict_classifier.fish \
    usr/share/doc/skol-classifier/examples/env_config.example; do
    # What is large is compressed, as Debian wants it.
    [ -s "$root/$file" ] || [ -s "$root/$file.gz" ] || fail "no $file"
done
unit=$(find "$root/usr/lib/systemd" "$root/lib/systemd" -name skol-classifier.timer 2>/dev/null | head -1)
[ -n "$unit" ] || fail 'no timer'
if command -v systemd-analyze >/dev/null && [ -z "$root" ]; then
    systemd-analyze verify "$(dirname "$unit")/skol-classifier.service"
fi
cd "$work"
"$root/usr/bin/predict_classifier" --html "$work/pages" --no-progress
[ "$(find "$work/output" -name '*.ann' | wc -l)" -gt 0 ] || fail 'nothing was labelled'
[ -s "$work/pages/index.html" ] || fail 'no index of pages'
"$root/usr/bin/convert_annotations" "$work/output" --to text --output "$work/texts"
[ "$(find "$work/texts" -name '*.txt' | wc -l)" = "$(find "$work/output" -name '*.ann' | wc -l)" ] || fail 'texts are missing'
remove
[ ! -e "$root/usr/bin/predict_classifier" ] || fail 'the programs are still there'
echo 'the package installs, works, and goes again'
