# `make demo` and `make test` set everything up; .venv is made when constraints or pyproject change.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test test-all coverage bench check docs study study-tables format generate clean

demo: $(READY)
	$(BIN)/angle-bench run --model all-MiniLM-L6-v2 --tasks demo

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not long"

test-all: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal

# the lines that `make test` runs, in every process; fails under the share in pyproject.toml
coverage: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not long" --cov --cov-report=term

# speed, side by side with peers; nothing else should run meanwhile
bench: $(READY)
	$(BIN)/python -m benchmarks

check: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# the study of leaderboards/: MIRROR holds its data; hours
study: $(READY)
	$(BIN)/python -m leaderboards.study $(MIRROR)

study-tables: $(READY)
	$(BIN)/python -m leaderboards.study.tables

format: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# the pages, into build/docs; the variable leaves out an advertisement of the theme's
docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir build/docs

# the suites and names that come from mteb, the page of the command line
generate: $(READY)
	$(BIN)/python -m angle_bench.evaluation.generate
	$(BIN)/python -m angle_bench.cli.reference

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing into .venv: some minutes, the first time"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[demo,dev]'
	touch $@

clean:
	rm -rf .coverage .coverage.* .venv build dist .mypy_cache .ruff_cache
