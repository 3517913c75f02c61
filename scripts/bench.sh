#!/usr/bin/env bash
# Runs the benches of the programs that were built, with as many open files as this machine allows: thousands of
# connections are some of what is measured. Arguments go to `treering-bench run`.
set -euo pipefail
cd "$(dirname "$0")/.."

ulimit -n "$(ulimit -Hn)"
exec "${CARGO_TARGET_DIR:-$PWD/target}/release/treering-bench" run "$@"
