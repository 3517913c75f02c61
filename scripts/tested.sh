#!/usr/bin/env bash
# Runs a command of tests, shows its output as it comes, and says at its end what was not made on this machine.
# usage: scripts/tested.sh COMMAND…
set -uo pipefail

said=$(mktemp)
trap 'rm -f "$said"' EXIT
"$@" 2>&1 | tee "$said"
status=${PIPESTATUS[0]}
grep -o 'SKIPPED .*' "$said" | sort -u | grep . || echo "nothing was skipped"
exit "$status"
