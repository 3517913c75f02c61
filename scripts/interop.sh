#!/usr/bin/env bash
# Other people's code against ours, each subject a script of its own in scripts/interop/:
#   rfc3161      clients of a timestamp authority: openssl, jarsigner, osslsigncode, two Python libraries
#   go           readers of our log, verifiers of our token and a log for our witness, over Go libraries
#   litewitness  a witness for our log; LITEWITNESS=PATH names its program
#   bastion      litebastion, through which a log reaches our witness
#   prometheus   scrapes all servers, and evaluates the alert rules
# usage: scripts/interop.sh [SUBJECT…]
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -gt 0 ] || set -- rfc3161 go litewitness bastion prometheus
for subject; do
  [ -x "scripts/interop/$subject.sh" ] || { echo "interop: no such subject: $subject" >&2; exit 2; }
  echo "== $subject"
  "scripts/interop/$subject.sh"
done
