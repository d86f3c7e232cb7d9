# `make refresh` and `make test` set up .venv by themselves on a machine with Python 3.11+.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode

.PHONY: refresh test lint types docs golden bench lock clean

refresh: $(VENV)/.runtime
	$(BIN)/precert refresh --offline

test: $(VENV)/.dev lint types
	$(BIN)/pytest

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

$(VENV)/.bootstrap: requirements/bootstrap.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "precert needs Python 3.11 or newer; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@touch $@

# uv compiles bytecode whatever PYTHONDONTWRITEBYTECODE says; without it every start is slow.
$(VENV)/.runtime: $(VENV)/.bootstrap requirements/runtime.txt pyproject.toml
	$(UV) --require-hashes -r requirements/runtime.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --config-settings editable_mode=compat --editable .
	@$(BIN)/python -m compileall -q flows extractors schemas
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	$(UV) --require-hashes -r requirements/dev.txt
	@touch $@

docs: $(VENV)/.runtime
	$(BIN)/python -c 'from schemas.dictionary import data_dictionary; print(data_dictionary(), end="")' > docs/data-dictionary.md

golden: $(VENV)/.dev
	$(BIN)/python -m tests.test_golden

bench: $(VENV)-bench/.ready $(VENV)/.dev
	$(PYTHON) -m benchmarks.journey
	$(BIN)/python -m benchmarks.fetching
	$(BIN)/python -m benchmarks.claims
	$(BIN)/python -m benchmarks.reference
	$(BIN)/python -m benchmarks.lookup
	$(BIN)/python -m benchmarks.layout
	$(BIN)/python -m benchmarks.releases
	$(VENV)-bench/bin/python -m benchmarks.tables

# A place of its own for the tools that we are measured against.
$(VENV)-bench/.ready: $(VENV)/.bootstrap requirements/bench.txt
	$(PYTHON) -m venv $(VENV)-bench
	$(BIN)/uv pip install --quiet --python $(VENV)-bench/bin/python --compile-bytecode --require-hashes -r requirements/bench.txt
	@touch $@

# Resolve anew what pyproject.toml allows, as hash-locked lists without index addresses.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate
lock: $(VENV)/.bootstrap
	$(COMPILE) requirements/bootstrap.in -o requirements/bootstrap.txt
	$(COMPILE) pyproject.toml -o requirements/runtime.txt
	$(COMPILE) pyproject.toml --group dev --constraint requirements/runtime.txt -o requirements/dev.txt
	$(COMPILE) pyproject.toml --group bench --constraint requirements/runtime.txt -o requirements/bench.txt

clean:
	rm -rf $(VENV) $(VENV)-bench .prefect .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info curated/parts
