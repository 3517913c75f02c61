#!/usr/bin/env bash
# Changes each line of the verify paths of tlog and token in turn, and runs their tests against it (cargo-mutants).
# A change that no test notices is printed, and then the exit code is not 0. What is changed, and which changes can't be
# noticed and why, is in .cargo/mutants.toml. Works on a copy; takes some hours.
# usage: scripts/mutants.sh [FILE...]   only these, e.g. tlog/src/tree/proof.rs
set -euo pipefail
cd "$(dirname "$0")/.."

cargo mutants --version >/dev/null 2>&1 || cargo install --locked --quiet cargo-mutants

# KiB. A change may make a loop endless in which something grows; without this it takes the whole machine's memory.
ulimit -v $((8 << 20))

files=()
for file in "$@"; do files+=(--re "$file"); done
# Both crates' tests count: what tlog promises is relied on, and tested, in token. Those of the hashing kernel take longest,
# and none of what is changed here is the kernel's.
exec cargo mutants --profile mutants --package treering-tlog --package treering-token --test-package treering-tlog,treering-token \
  --no-shuffle --minimum-test-timeout 120 --jobs "${JOBS:-1}" --output "${OUTPUT:-target}" "${files[@]}" -- -- --skip kernel
