# make demo    sets everything up and serves an example agent
# make test    sets everything up and runs the tests

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(shell find guest hatch_build.py pyproject.toml constraints.txt -type f 2>/dev/null | grep -v __pycache__)

.DEFAULT_GOAL := help
.PHONY: help setup dev demo demo-stop test test-fast wpt bench lint guest clean

help: ## what there is to make
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.package ## .venv with the package in it; builds the guest

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("wapo needs Python 3.11 or newer; this is " + sys.version.split()[0] + " (set PYTHON=...)" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.package: $(VENV)/bin/python $(SOURCES)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

dev: $(VENV)/.dev ## setup, and what tests, benchmarks and linters need

$(VENV)/.dev: $(VENV)/.package
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,lint,bench]'
	@touch $@

demo: setup ## serve an example agent in the background and print its URL
	@$(BIN)/python examples/demo.py start

demo-stop: ## stop what demo has started
	@$(BIN)/python examples/demo.py stop

test: dev ## all tests
	$(BIN)/python -m pytest -n auto --dist loadfile

test-fast: dev ## the tests that need no packages from npm or cargo
	$(BIN)/python -m pytest -n auto --dist loadfile -m 'not npm and not cargo'

wpt: dev ## web-platform-tests: WPT_DIR=a checkout, FILTER=streams/ or the like
	@test -n "$(WPT_DIR)" || { echo "make wpt WPT_DIR=<a checkout of web-platform-tests> [FILTER=streams/]" >&2; exit 2; }
	@$(BIN)/python -m tests.wpt "$(WPT_DIR)" --filter "$(FILTER)" $(WPT_OPTIONS)

bench: dev ## all benchmarks, beside peers from npm and PyPI, with results in bench/results
	$(BIN)/python bench/run_all.py

lint: dev ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

guest: $(VENV)/bin/python ## build the guest in place (after a change under guest/)
	$(BIN)/python guest/build.py

clean: ## everything that was made here
	rm -rf $(VENV) .demo .pytest_cache .mypy_cache .ruff_cache .hypothesis src/wapo/agents/wapojs.wasm
