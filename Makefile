# `make demo` and `make test` set everything up; .venv is made when constraints or pyproject change.
# a comment after two # is what `make help` says of a target
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: help demo test test-fast test-all coverage bench check audit docs study study-tables format generate clean

help: ## this list
	@grep -hE '^[a-z-]+:.* ## ' $(MAKEFILE_LIST) | sort | awk -F':.* ## ' '{printf "%-14s %s\n", $$1, $$2}'

demo: $(READY) ## a real model on the built-in demo
	$(BIN)/angle-bench run --model all-MiniLM-L6-v2 --tasks demo

test: $(READY) ## every test but the long ones
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not long"

# what starts no process and needs no model
test-fast: $(READY) ## results, reporting, settings: about a minute
	$(BIN)/python -m pytest -n 2 --dist worksteal -q \
		-m "not long and not process and not training and not browser" \
		tests/results tests/reporting tests/models/test_pooling.py tests/models/test_prompts.py \
		tests/models/test_spec.py tests/models/test_registry.py tests/test_docs.py \
		tests/test_errors.py tests/test_house.py tests/test_imports.py

test-all: $(READY) ## the long tests, too; hours
	$(BIN)/python -m pytest -n 2 --dist worksteal

# the lines that `make test` runs, in every process; fails under the share in pyproject.toml
coverage: $(READY) ## the share of lines that `make test` runs
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not long" --cov --cov-report=term

# speed, side by side with peers; nothing else should run meanwhile
bench: $(READY) ## speed beside other tools
	$(BIN)/python -m benchmarks

check: $(READY) ## ruff and mypy
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# the study of leaderboards/: MIRROR holds its data; hours
study: $(READY) ## the study of leaderboards/, with MIRROR=data/; hours
	$(BIN)/python -m leaderboards.study $(MIRROR)

study-tables: $(READY) ## its tables and its site from stored results
	$(BIN)/python -m leaderboards.study.tables
	$(BIN)/python -m leaderboards.study.site

# asks the advisory service of PyPI; where that does not answer it fails
audit: $(READY) ## known flaws of the installed packages
	$(BIN)/python -m tools.audit

format: $(READY) ## ruff's mends and format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# the pages, into build/docs; the variable leaves out an advertisement of the theme's
docs: $(READY) ## the pages, into build/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir build/docs

# the suites and names that come from mteb, the page of the command line, the notebooks
generate: $(READY) ## files made from mteb, the page of the command line, notebooks
	$(BIN)/python -m tools.generate_tasks
	$(BIN)/python -m tools.cli_reference
	$(BIN)/python -m tools.notebooks

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing into .venv: some minutes, the first time"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[demo,dev]'
	touch $@

clean: ## remove .venv and what was built
	rm -rf .coverage .coverage.* .venv build dist .mypy_cache .ruff_cache
