# Every verb of the project. Each does its own set-up first; when all is there, that takes well under a second.
PYTHON ?=
export PYTHON
VENV := $(CURDIR)/.venv/bin
# The files that took longest the last time come first (see tests/support/schedule.py).
PYTEST := python -m pytest -n auto --no-loadscope-reorder
# An activated environment of another project must not leak into ours.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME
# Compiled once for all the processes of a run, outside the checkout: reading the SDKs' sources takes seconds each time.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/ultramarket-lab/pycache
SET_UP := tools/with-python -m tools.setup
# Pulumi's language host takes the first python on PATH.
RUN := env PATH="$(VENV):$(PATH)"

.DEFAULT_GOAL := help
.PHONY: help setup lab lab-down previews bench test soak test-unit lint format

help:  ## this table
	@echo "make VERB, where VERB is one of"
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup:  ## get all that the other verbs need (from nothing about 9 min on 2 cores)
	@$(SET_UP) lab

lab:  ## show the whole thing on this machine: take orders, lose production, promote (KEEP=1: leave it up)
	@$(SET_UP) lab
	@$(RUN) python -m lab run $(if $(filter-out 0 no,$(KEEP)),--keep)

lab-down:  ## end a lab that was left up
	@$(SET_UP) environment
	@$(RUN) python -m lab down

previews:  ## write docs/preview-*.txt anew: what the engine shows of each complete stack
	@$(SET_UP) lab
	@$(RUN) python -m lab.previews

bench:  ## what things cost beside what else could be used; writes .lab/bench.json
	@$(SET_UP) lab
	@$(RUN) python -m bench

test:  ## all tests, on real parts
	@$(SET_UP) lab
	@$(RUN) $(PYTEST) tests

soak:  ## all tests, and every case of the searches of which `make test` takes a sample
	@$(SET_UP) lab
	@$(RUN) ULTRAMARKET_SOAK=1 $(PYTEST) tests

test-unit:  ## the tests that need no binaries
	@$(SET_UP) environment
	@$(RUN) $(PYTEST) tests/unit

lint:  ## ruff, pyright, the import rules
	@$(SET_UP) environment
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) pyright
	@$(RUN) lint-imports

format:  ## rewrite the sources in the house format
	@$(SET_UP) environment
	@$(RUN) ruff check --fix-only --quiet .
	@$(RUN) ruff format .
