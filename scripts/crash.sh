#!/usr/bin/env bash
# The crash tests with their full counts: COUNT kills of the log and of a client that stamps, COUNT power cuts of its disk and of a witness's, ten
# times as many damages of a log's store at rest and of a witness's, a fifth as many restores of older copies, and as many levels of a full disk.
# Power cuts take root, loop devices and ext4; where there are none, the test says so and cuts nothing.
# usage: scripts/crash.sh [COUNT]
set -euo pipefail
cd "$(dirname "$0")/.."

COUNT=${1:-1000}
export TREERING_KILLS=$COUNT TREERING_STAMP_KILLS=$COUNT TREERING_LOG_CUTS=$COUNT TREERING_WITNESS_CUTS=$COUNT
export TREERING_FILL_LEVELS=$(((COUNT + 4) / 5)) TREERING_DAMAGES=$((COUNT * 10)) TREERING_RESTORES=$(((COUNT + 4) / 5))
export TREERING_STORE_DAMAGES=$((COUNT * 10))
# shellcheck disable=SC2086
cargo test --release --workspace ${CARGO_FLAGS:-} --lib -- --nocapture damage_at_rest
# One after the other: a load that shares the disk with another's cuts shows less. The output is shown as it comes.
# shellcheck disable=SC2086
exec scripts/tested.sh cargo test --release --workspace ${CARGO_FLAGS:-} --test end_to_end -- --test-threads 1 --nocapture power:: kill:: resume:: damage:: rollback:: space::
