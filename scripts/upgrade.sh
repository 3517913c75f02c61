#!/usr/bin/env bash
# From an older program to this one and back, on one store: builds the log of an older commit beside this one, and runs the test
# with both. By default that is the first commit whose store has this one's format; with one of a former format it is the migration.
# usage: scripts/upgrade.sh [COMMIT]
set -euo pipefail
cd "$(dirname "$0")/.."

commit=${1:-94fd5c6}
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
work=$(mktemp -d)
trap 'git worktree remove --force "$work/source" 2>/dev/null || true; rm -rf "$work"' EXIT
git worktree add --quiet --detach "$work/source" "$commit"
# In the same target directory, where RocksDB is built already.
(cd "$work/source" && CARGO_TARGET_DIR=$target cargo build --release --workspace --locked --bin treering-log)
cp "$target/release/treering-log" "$work/"
# Built last, so that it is the present one that stays there.
touch log-server/src/main.rs
# shellcheck disable=SC2086
cargo build --release --workspace ${CARGO_FLAGS:-} --bins
if cmp --silent "$work/treering-log" "$target/release/treering-log"; then
  echo "upgrade: the program of $commit is this one" >&2
  exit 1
fi
# shellcheck disable=SC2086
TREERING_OLD_LOG=$work/treering-log cargo test --release --workspace ${CARGO_FLAGS:-} --test end_to_end -- --nocapture upgrade::
