#!/usr/bin/env bash
# Runs the fuzz targets, or those that are named, for so many seconds each (60): fuzz/run.sh [SECONDS [TARGET...]]
# An input that breaks a property is kept in fuzz/artifacts/<target>/; then the exit code is 1.
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:-60}
[ $# -eq 0 ] || shift
case $seconds in
  '' | *[!0-9]*) echo "usage: fuzz/run.sh [SECONDS [TARGET...]]" >&2; exit 2 ;;
esac

# Stable Rust takes the flags that cargo-fuzz needs (coverage, the address sanitizer) with this.
export RUSTC_BOOTSTRAP=1

cargo fuzz --version >/dev/null 2>&1 || cargo install --locked --quiet cargo-fuzz

targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(cargo fuzz list)

# All of them before the first runs, so that one that doesn't build is told at once.
cargo fuzz build

log=$(mktemp)
trap 'rm -f "$log"' EXIT
broken=()
for target in "${targets[@]}"; do
  # What is found grows in the first folder; the committed seeds in the second are only read.
  mkdir -p "grown/$target"
  if cargo fuzz run "$target" "grown/$target" "corpus/$target" -- \
    -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 >"$log" 2>&1; then
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    cover=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    printf '%-16s %10s inputs, %5s branches seen, nothing found\n' "$target" "$runs" "$cover"
  else
    broken+=("$target")
    printf '%-16s BROKEN\n' "$target"
    grep -v -E '^(INFO|#[0-9]|stat::)' "$log" | tail -n 60
  fi
done

[ ${#broken[@]} -eq 0 ] || { echo "fuzz: broken: ${broken[*]} (the inputs are in fuzz/artifacts/)" >&2; exit 1; }
