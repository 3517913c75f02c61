#!/usr/bin/env bash
# Negative controls: for each promise a log that breaks it on purpose (feature `broken`, log-server/src/broken.rs), and the
# test that has to notice, by the very words that belong to the promise. A test that passes all the same is a failure here, as
# is one that fails for another reason, or was skipped (but for ALLOW_SKIPS=1).
# usage: scripts/controls.sh [PROMISE…]
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-$PWD/target}
broken=$target/controls
mkdir -p "$broken"
# RocksDB and all other crates are those that are built already: only the log itself is another.
# shellcheck disable=SC2086
build() { cargo build --release --workspace ${CARGO_FLAGS:-} --bin treering-log "$@"; }
# However it ends, no broken program stays where others look for one: tests with the feature put one there, too.
trap 'touch log-server/src/main.rs; build --quiet' EXIT
build --features treering-log/broken
cp "$target/release/treering-log" "$broken/"
# shellcheck disable=SC2086
cargo build --release --workspace ${CARGO_FLAGS:-} --bins
# shellcheck disable=SC2086
cargo test --release --workspace ${CARGO_FLAGS:-} --test end_to_end --no-run

# promise | the test that must fail | how much of it | the words that it must fail with (an extended regular expression); `sim::`
# is the simulation, which runs the log's own code, `pipeline::` the log's own tests, where alone a store can give back wrong bytes.
controls() {
  cat <<'END'
acknowledge|kill::||/v1/receipts/[0-9a-f]+: 404
acknowledge|durable::||was never written to the WAL|was acknowledged
acknowledge|sim::||an acknowledged submission is lost
sync|durable::||was not synced after
sync|power::what_was|TREERING_LOG_CUTS=20|/v1/receipts/[0-9a-f]+: 404|ended before it said
failure|faults::|TREERING_FAULTS=100 TREERING_FAULTS_ONLY=fdatasync|/v1/receipts/[0-9a-f]+: 404|: the log ends after a failed|: a receipt, or the log's end|shown without a quorum
failure|space::a_full||the disk was never full|for another reason than a full disk|/v1/receipts/[0-9a-f]+: 404
history|rollback::||: log-[0-9]+ ends|given a head by an older store
history|sim::||an older copy of the store signs
readback|pipeline::read_back::a_bit||it was signed and published
standstill|takeover::a_log_that_was_continued_after|TREERING_TAKEOVERS=5|leads to another root|the old root is not in the new tree|given a head by the one that had stood still|the one that had stood still takes
quorum|witnesses::without||a checkpoint is shown without its quorum
quorum|mixes::||does not meet the policy|without a quorum
quorum|sim::||shown with .* only
cosignature|witnesses::a_witness_that_lies||the cosignature of liar does not verify
cosignature|sim::||shown with .* only
order|clock::||: sealing stops|by a clock that is wrong|sealed_at does not grow
order|sim::||sealed_at does not grow
patience|crowd::clients||the log closes
bounds|overload::||nothing was refused|more than the queue may hold
serve|pipeline::served::no_receipt||a receipt was made of wrong bytes
serve|pipeline::served::what_the_scrub||wrong bytes are served
floor|space::below||the intake stops
check|damage::||ended before it said|has another|has other bytes|is shown again|The server failed
END
}

status=0
while IFS='|' read -r promise filter more wanted; do
  [ $# -eq 0 ] || [[ " $* " == *" $promise "* ]] || continue
  test=(--test end_to_end -- "$filter")
  [[ "$filter" != pipeline::* ]] ||
    test=(--features treering-log/broken --test pipeline -- "${filter#pipeline::}")
  [ "$filter" != sim:: ] || test=(--features treering-log/broken --test sim -- whatever_goes_wrong)
  # shellcheck disable=SC2086
  if env $more TREERING_BREAK="$promise" TREERING_BIN_DIR="$broken:$target/release" \
    cargo test --release --workspace ${CARGO_FLAGS:-} --quiet "${test[@]}" >"$broken/out" 2>&1; then
    if grep -q SKIPPED "$broken/out"; then
      grep SKIPPED "$broken/out"
      echo "NOT TRIED: $promise, by $filter (ALLOW_SKIPS=1 passes over it)"
      [ "${ALLOW_SKIPS:-}" = 1 ] || status=1
    else
      echo "NOT NOTICED: $promise, by $filter"
      status=1
    fi
  elif grep -q '^test result: FAILED' "$broken/out"; then
    why=$(grep -A2 "panicked at" "$broken/out" | grep -v -e 'panicked at' -e '^--' || true)
    said=$(grep -m 1 -E "$wanted" <<<"$why" | cut -c -150 || true)
    if [ -n "$said" ]; then
      echo "noticed: $promise, by $filter ($said)"
    else
      echo "$why"
      echo "FAILED FOR ANOTHER REASON: $promise, by $filter (wanted: $wanted)"
      status=1
    fi
  else
    tail -n 20 "$broken/out"
    echo "NOT RUN: $promise, by $filter"
    status=1
  fi
done < <(controls)
if [ $# -eq 0 ] || [[ " $* " == *" fuzz "* ]]; then
  # shellcheck disable=SC2086
  if (cd fuzz && cargo test --release ${CARGO_FLAGS:-} --quiet --features broken) >"$broken/out" 2>&1; then
    echo "NOT NOTICED: fuzz, by its seeds"
    status=1
  elif grep -q 'panicked at src/notes.rs' "$broken/out"; then
    echo "noticed: fuzz, by its seeds ($(grep -m 1 -A1 'panicked at src/notes.rs' "$broken/out" | tail -n 1))"
  else
    tail -n 20 "$broken/out"
    echo "FAILED FOR ANOTHER REASON: fuzz, by its seeds"
    status=1
  fi
fi
exit $status
