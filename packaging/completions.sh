#!/bin/sh
# Writes the completion scripts of all programs: completions.sh FOLDER_OF_THE_PROGRAMS OUTPUT
set -eu
programs=$1 output=$2
mkdir -p "$output/bash" "$output/zsh" "$output/fish"
for program in predict_classifier train_classifier evaluate_classifier convert_annotations; do
    "$programs/$program" --completions bash >"$output/bash/$program"
    "$programs/$program" --completions zsh >"$output/zsh/_$program"
    "$programs/$program" --completions fish >"$output/fish/$program.fish"
done
