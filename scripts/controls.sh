#!/usr/bin/env bash
# Negative controls: for each promise a log that breaks it on purpose (feature `broken`, log-server/src/broken.rs), and the
# test that has to notice. A test that passes all the same is a failure here.
# usage: scripts/controls.sh [PROMISE…]
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-$PWD/target}
broken=$target/controls
mkdir -p "$broken"
# RocksDB and all other crates are those that are built already: only the log itself is another.
# shellcheck disable=SC2086
build() { cargo build --release --workspace ${CARGO_FLAGS:-} --bin treering-log "$@"; }
trap 'build --quiet' EXIT
build --features treering-log/broken
cp "$target/release/treering-log" "$broken/"
build --quiet
trap - EXIT
# shellcheck disable=SC2086
cargo build --release --workspace ${CARGO_FLAGS:-} --bins
# shellcheck disable=SC2086
cargo test --release --workspace ${CARGO_FLAGS:-} --test end_to_end --no-run

# promise, the test that must fail, and how much of it
controls() {
  cat <<'END'
acknowledge kill::
acknowledge durable::
sync durable::
sync power::what_was TREERING_LOG_CUTS=20
failure faults:: TREERING_FAULTS=100 TREERING_FAULTS_ONLY=.log
failure space::a_full
history rollback::
standstill takeover::a_log_that_was_continued_after TREERING_TAKEOVERS=5
quorum witnesses::without
quorum mixes::
cosignature witnesses::a_witness_that_lies
order clock::
patience crowd::clients
bounds overload::
check damage::
END
}

status=0
while read -r promise filter more; do
  [ $# -eq 0 ] || [[ " $* " == *" $promise "* ]] || continue
  # shellcheck disable=SC2086
  if env $more TREERING_BREAK="$promise" TREERING_BIN_DIR="$broken:$target/release" \
    cargo test --release --workspace ${CARGO_FLAGS:-} --quiet --test end_to_end -- "$filter" >"$broken/out" 2>&1; then
    if grep -q SKIPPED "$broken/out"; then
      grep SKIPPED "$broken/out"
      echo "not tried: $promise, $filter"
    else
      echo "NOT NOTICED: $promise, by $filter"
      status=1
    fi
  elif grep -q '^test result: FAILED' "$broken/out"; then
    why=$(grep -A1 "panicked at" "$broken/out" | grep -v -e 'panicked at' -e '^--' | head -n 1 | cut -c -150)
    echo "noticed: $promise, by $filter ($why)"
  else
    tail -n 20 "$broken/out"
    echo "NOT RUN: $promise, by $filter"
    status=1
  fi
done < <(controls)
exit $status
