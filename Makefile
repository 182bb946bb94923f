.DEFAULT_GOAL := help
.PHONY: help install eod test lint ui stop marts bench soak docs faults evening lock

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
ROOMS := daybook resources assets jobs sensors orchestration
READY := $(VENV)/.ready

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

install: $(READY) ## make .venv with the locked dependencies, bytecode and loops compiled

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q $(ROOMS)
	$(BIN)/python -m orchestration.kernels
	@touch $@

eod: $(READY) ## close the latest business date and say where its pack is
	$(BIN)/daybook eod

test: $(READY) ## run the tests
	$(BIN)/python -m pytest -m "not soak" --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

soak: $(READY) ## run the slow proofs
	$(BIN)/python -m pytest -m soak

lint: $(READY) ## style and strict types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

ui: $(READY) ## start the Dagster UI and daemon
	$(BIN)/daybook ui

stop: $(READY) ## stop the UI, the daemon and the embedded PostgreSQL
	$(BIN)/daybook stop

marts: $(READY) ## build the dbt marts over the lake
	$(BIN)/python -m orchestration.marts

bench: $(READY) ## measure speed and memory, as ratios
	$(BIN)/python -m benchmarks

docs: $(READY) ## write docs/formats.md and docs/ratios.md from what the code declares
	$(BIN)/python -m orchestration.formats

faults: $(READY) ## plant faults in the demonstration firm; write docs/faults.md and docs/reconciliation_faults.md
	$(BIN)/python -m orchestration.faults
	$(BIN)/python -m orchestration.reconciliation_faults

evening: $(READY) ## run an evening of the demonstration firm and write docs/evening.md: what was typed and printed
	$(BIN)/python -m orchestration.evening

lock: ## resolve the dependencies again
	$(BIN)/uv pip compile pyproject.toml --extra dev --generate-hashes --no-strip-extras --no-emit-index-url \
	  --custom-compile-command "make lock" --python-version 3.11 --upgrade --output-file requirements.lock --quiet
