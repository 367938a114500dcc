# `make` lists the verbs. Everything runs in release mode: the kernels are part of what is tested.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PIPELINE := .build/release/pipeline
PREFIX ?= /usr/local
DESTDIR ?=
SHARED_DIR ?= ../shared
PARITY_DIR ?= $(SHARED_DIR)/parity
export SHARED_DIR

.PHONY: help setup build test demo check order lint format docs parity bench bench-engine bench-splats bench-imaging bench-loading examples fuzz install uninstall clean

help: ## List the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

setup: ## Install missing system packages (apt)
	@scripts/setup

build: setup ## Build the `pipeline` command
	@scripts/build --product pipeline

test: setup ## Build and run every test
	@scripts/build --build-tests
	@swift test -c release --skip-build $(TEST_ARGUMENTS)

demo: setup ## Run the main job on built-in synthetic heads
	@echo "On two cores the demo takes two to five minutes, after a build of about six the first time."
	@$(MAKE) --no-print-directory build
	@$(PIPELINE) run pipelines/demo.yaml

examples: setup ## Build and run the program of Examples/OwnStages
	@scripts/examples

install: ## Install below PREFIX (/usr/local): program, completions, manual page, licences; builds if nothing is built
	@test -x $(PIPELINE) || $(MAKE) --no-print-directory build
	@PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" scripts/install

uninstall: ## Take away what `make install` with this PREFIX put there
	@PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" scripts/install --uninstall

order: ## Check that data flows one way (after a build)
	@scripts/order

lint: ## Check the formatting
	@swift format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks Examples

format: ## Format in place
	@swift format format --in-place --recursive --parallel Package.swift Sources Tests Benchmarks Examples

docs: build ## Write the generated references and the JSON Schema
	@scripts/docs

parity: setup ## Check every case of PARITY_DIR, with direct and with fast convolutions
	@scripts/build --product parity
	@.build/release/parity $(PARITY_DIR)

bench: setup ## Time inference and training (PYTORCH_PYTHON=... adds the ratio to PyTorch)
	@scripts/build --product bench
	@.build/release/bench

bench-engine: setup ## Time the engine: no-op, planning, hashing, overheads (against ninja where it is installed)
	@scripts/build --product pipeline
	@scripts/build --product bench-engine
	@.build/release/bench-engine $(BENCH_ARGUMENTS)

bench-splats: setup ## Time the rasteriser from 10,000 to 5 million Gaussians
	@scripts/build --product bench-splats
	@.build/release/bench-splats

bench-imaging: setup ## Time image operations and mesh metrics (SCIPY_PYTHON=... adds the ratio to scipy's cKDTree)
	@scripts/build --product bench-imaging
	@.build/release/bench-imaging

bench-loading: setup ## Time how long training waits for its examples
	@scripts/build --product bench-loading
	@.build/release/bench-loading

fuzz: setup ## Fuzz every parser for FUZZ_SECONDS each
	@scripts/fuzz $(or $(FUZZ_SECONDS),60)

check: setup ## What CI runs: build without warnings, lint, tests, fresh docs, examples, demo
	@STRICT=1 scripts/build --build-tests
	@scripts/order
	@$(MAKE) --no-print-directory lint
	@swift test -c release --skip-build
	@scripts/docs --check
	@scripts/examples
	@$(MAKE) --no-print-directory demo

clean: ## Remove build products (never results)
	@rm -rf .build
