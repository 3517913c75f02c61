# One profile for everything, so that RocksDB is compiled once: --release --workspace, and nothing sets RUSTFLAGS.
# `make help` lists the targets.

# Extra flags for every cargo call, for example CARGO_FLAGS=--locked.
CARGO_FLAGS ?=
PROFILE := --release --workspace $(CARGO_FLAGS)
# What the tests say; what could not be made on this machine is told once more at the end.
TESTED := $(abspath $(or $(CARGO_TARGET_DIR),target))/tested
SHELL := bash

.DEFAULT_GOAL := help
.PHONY: help demo night run build man test interop crash chaos overload upgrade controls mutants soak sim lint fmt clippy doc fuzz bench deps deps-test clean-run

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

demo: deps ## stamp a real tree, stop every server, verify offline; DIR=/some/where for another tree
	@CARGO_FLAGS="$(CARGO_FLAGS)" DIR="$(DIR)" ./scripts/demo.sh

run: build ## a log and three witnesses on 127.0.0.1:7460-7463, kept in .run/, until Ctrl-C
	@./scripts/run.sh

build: deps ## the three programs, in target/release
	cargo build $(PROFILE) --bins

man: build ## the client's manual pages, in target/man
	./target/release/treering man target/man

test: deps-test ## all tests, the end-to-end ones against the real programs, and the seeds and worst inputs of fuzzing
	cargo build $(PROFILE) --bins
	@set -o pipefail; echo cargo test $(PROFILE); cargo test $(PROFILE) 2>&1 | tee "$(TESTED)"
	cd fuzz && cargo test --release $(CARGO_FLAGS)
	cd fuzz && cargo run --release --quiet $(CARGO_FLAGS) --example hostile
	@grep '^SKIPPED' "$(TESTED)" | sort -u | grep . || echo "nothing was skipped"

crash: deps-test ## kills, power cuts, damages, restores of older copies: COUNT (1000) of each, as scripts/crash.sh says
	cargo build $(PROFILE) --bins
	@./scripts/crash.sh $(COUNT)

night: build ## a tree of yours (DIR) stamped, killed KILLS (10) times and gone on with, then CHANGES (1000) and --since: a table
	@./scripts/deps.sh night
	@./scripts/night.sh "$(DIR)" $(or $(KILLS),10) $(or $(CHANGES),1000)

sim: ## a log, its witnesses and clients in one process, everything by a number: SEEDS (10000), or TREERING_SIM_SEED for one
	TREERING_SIM_SEEDS=$(or $(SEEDS),10000) cargo test $(PROFILE) --test sim -- --nocapture whatever_goes_wrong

soak: deps-test ## a log with three witnesses that are killed at random, for MINUTES (30) on a tick of TICK_MS (1000); ends with its figures
	cargo build $(PROFILE) --bins
	@CARGO_FLAGS="$(CARGO_FLAGS)" ./scripts/soak.sh "$(or $(MINUTES),30)" "$(or $(TICK_MS),1000)"

chaos: deps-test ## faults at single system calls (COUNT or ALL), full disks, takeovers, mixes of witnesses, clocks, crowds
	cargo build $(PROFILE) --bins
	@./scripts/chaos.sh $(COUNT)

overload: deps-test ## as many requests as the machine can take or refuse, for MINUTES (10), and slow clients by other people's tools
	@./scripts/deps.sh overload
	cargo build $(PROFILE) --bins
	@./scripts/overload.sh $(MINUTES)

upgrade: deps-test ## from an older log (COMMIT) to this one and back, on one store
	@./scripts/upgrade.sh $(COMMIT)

controls: deps-test ## logs that break a promise on purpose: the tests must notice
	@./scripts/controls.sh $(PROMISE)

mutants: ## each line of the verify paths changed in turn: a test must notice (some hours); FILES="tlog/src/tree/proof.rs …"
	@./scripts/mutants.sh $(FILES)

interop: build ## other people's code against ours (docs/interop.md), SUBJECT="rfc3161 go litewitness bastion prometheus"; installs what is missing
	@./scripts/interop.sh $(SUBJECT)

lint: deps fmt clippy doc ## formatting, clippy and docs, warnings denied

fmt:
	cargo fmt --all --check

clippy: deps
	cargo clippy $(PROFILE) --all-targets -- -D warnings

doc: deps
	RUSTDOCFLAGS="-D warnings" cargo doc $(PROFILE) --no-deps

fuzz: deps ## every parser under cargo-fuzz, FUZZ_SECONDS each (60)
	@./scripts/fuzz.sh

bench: deps-test ## every figure beside what one would otherwise have; BENCH="--only single --rounds 5" for some of it
	cargo build $(PROFILE) --bins
	@./scripts/bench.sh $(BENCH)
	cargo bench --workspace $(CARGO_FLAGS)

.PHONY: catch-up
catch-up: deps ## how long a monitor and a mirror take to catch up with a log of ENTRIES (1000000), and their memory
	cargo build $(PROFILE) --bin treering-witness --example catch_up
	@for what in new all mirror; do echo "== $$what"; \
	  "$${CARGO_TARGET_DIR:-target}/release/examples/catch_up" "$${CARGO_TARGET_DIR:-target}/release/treering-witness" \
	    "$(or $(ENTRIES),1000000)" "$$what" || exit 1; done

deps: ## installs what the build needs, if it is missing
	@./scripts/deps.sh build

deps-test:
	@./scripts/deps.sh test

clean-run: ## forgets the log and witnesses of make run
	rm -rf .run
