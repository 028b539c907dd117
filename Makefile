# bastion: everything that a developer runs. The two that matter:
#
#   make demo    one machine, nothing installed: prints three steps that end at a replay in the browser
#   make test    everything: format, lints, docs, unit tests, console tests, end to end with real peers
#
# Both set up what they need first, or say exactly what is missing. They share the release profile, so that
# dependencies are compiled once; `check` and `unit` have the development profile, `dist` its own.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# Peers that no Debian package has (versitygw, asciinema, cargo-deny) are built once into this folder.
export BASTION_PEERS ?= $(HOME)/.cache/bastion-peers
# setup.sh installs Rust and Go programs into these; a login shell may not have them on its path.
export PATH := $(HOME)/.cargo/bin:/usr/local/go/bin:$(PATH)

TARGET := $(or $(CARGO_TARGET_DIR),target)
CARGO_FLAGS := --release --locked
CONSOLE := bastion/console
PATCHED := .patched/russh/Cargo.toml
INSTALLED := node_modules/.package-lock.json

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

# --- setup -----------------------------------------------------------------------------------------------------------

.PHONY: setup
setup: tools $(PATCHED) $(CONSOLE)/$(INSTALLED) tests/oidc/$(INSTALLED) tests/browser/$(INSTALLED) ## all that `make test` needs
	tests/setup.sh peers

.PHONY: tools
tools:
	tests/setup.sh build

# russh with our patches, made from the crates.io source. Plain cargo does the same.
$(PATCHED): $(wildcard patches/* patches/russh/*)
	sh patches/apply.sh
	touch $@

# npm writes this file last, so it is as new as the installed packages.
%/$(INSTALLED): %/package-lock.json %/package.json
	cd $* && npm ci --no-audit --no-fund
	touch $@

# --- build and run ---------------------------------------------------------------------------------------------------

.PHONY: build
build: tools $(PATCHED) console ## bastion in target/release/
	cargo build $(CARGO_FLAGS)

.PHONY: dist
dist: tools $(PATCHED) console ## the same as it is shipped, small and optimized across crates, in target/dist/
	cargo build --profile dist --locked

# The programs beside the product: bench, corpus, storm.
.PHONY: programs
programs: build
	cargo build $(CARGO_FLAGS) --workspace --bins

# The binary embeds the built console, so it comes first.
.PHONY: console
console: $(CONSOLE)/$(INSTALLED)
	cd $(CONSOLE) && npm run build

.PHONY: types
types: $(CONSOLE)/$(INSTALLED) ## the API's shapes for the console, from bastion/web/src/openapi.json; `make test` compares
	cd $(CONSOLE) && npm run types

.PHONY: demo
demo: build ## everything on this machine with embedded defaults; Ctrl-C ends it
	exec $(TARGET)/release/bastion demo

.PHONY: cluster
cluster: ## a real one-node Kubernetes cluster for trying things; prints its kubeconfig; Ctrl-C ends it
	tests/setup.sh cluster
	exec tests/cluster/cluster run $$(mktemp -d)

# --- checks ----------------------------------------------------------------------------------------------------------

.PHONY: test
test: setup build ## every check; BASTION_SKIP="deny e2e" leaves stages out by name
	tests/all.sh fmt clippy doc unit console e2e deny

.PHONY: postgres
postgres: setup build ## the end-to-end tests once more, each bastion on PostgreSQL (as root)
	tests/all.sh postgres

.PHONY: lint
lint: tools $(PATCHED) console ## format, lints and docs only
	tests/all.sh fmt clippy doc

.PHONY: check
check: $(PATCHED) console ## lints only, in the quick development profile
	cargo clippy --workspace --locked --all-targets

.PHONY: unit
unit: $(PATCHED) console ## unit tests of one crate in the development profile: make unit CRATE=policy
	cargo test --locked --package $(or $(CRATE),$(error name a crate: make unit CRATE=policy)) $(FILTER)

.PHONY: bench
bench: setup programs ## against direct ssh, ssh -J and direct kubectl: prints a table, writes target/bench.json; BENCH_RUNS=5
	$(TARGET)/release/bench

.PHONY: storm
storm: setup programs ## five minutes of crowds, refusals, a hung log, a locked store, a full disk: what others notice, and that nothing is lost
	$(TARGET)/release/storm

# libFuzzer follows coverage, but needs cargo-fuzz and a nightly compiler; the other way needs neither.
FUZZ_SECONDS ?= 60
.PHONY: fuzz
fuzz: tools $(PATCHED) ## every fuzz target for FUZZ_SECONDS=60
	if cargo +nightly fuzz --version >/dev/null 2>&1; then \
	  for crate in policy recorder; do cd $$crate; for target in $$(cargo +nightly fuzz list); do \
	    cargo +nightly fuzz run $$target -- -max_total_time=$(FUZZ_SECONDS); done; cd ..; done; \
	else cargo run --release --locked -p fuzz -- $(FUZZ_SECONDS); fi

.PHONY: corpus
corpus: setup programs ## typed commands and everyday lines through the real product, in three modes: tables and a closing line each; CASES=FILE takes other cases
	@$(TARGET)/release/corpus $(CASES)

.PHONY: clean
clean: ## removes what was built here, not the peers
	cargo clean
	rm -rf .patched $(CONSOLE)/dist $(CONSOLE)/node_modules tests/oidc/node_modules tests/browser/node_modules
