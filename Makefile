# Two commands do everything: `make run` and `make test`. Each installs what it needs first.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

# Where the environment forbids bytecode, each of the tests' thousand processes compiled all of ours.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup run demo test lint soak bench audit lock clean

setup: $(INSTALLED)

$(INSTALLED): pyproject.toml requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	-$(BIN)/python -m compileall -q -j 0 $(VENV)/lib ingestion_pipeline # on all cores, which pip does on one
	touch $@

run: setup ## start everything and serve until Ctrl-C
	$(BIN)/ingestion-pipeline up

demo: setup ## the same work without serving
	$(BIN)/ingestion-pipeline demo

test: setup ## every test, with a real PostgreSQL, and a real Chromium where there is one
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder --durations 20

lint: setup ## style, types, the rooms of the package
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

soak: setup ## ten minutes of load on everything, 100 pages open, while processes are killed
	SOAK_SECONDS=600 SOAK_RATE=200 SOAK_PAGES=100 $(BIN)/python -m pytest -s ingestion_pipeline_tests/soak

bench: setup ## side by side with peers and with the limits
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement benchmarks/requirements.txt
	$(BIN)/python -m benchmarks.commerce
	$(BIN)/python -m benchmarks.buildings
	$(BIN)/python -m benchmarks.gateway
	$(BIN)/python -m benchmarks.series
	$(BIN)/python -m benchmarks.intake
	$(BIN)/python -m benchmarks.pages
	$(BIN)/python -m benchmarks.marts
	$(BIN)/python -m benchmarks.live
	$(BIN)/python -m benchmarks.lake
	$(BIN)/python -m benchmarks.lake_costs

audit: setup ## ask for known holes of the pinned versions; needs network, so not part of CI
	$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-audit==2.10.1
	$(BIN)/pip-audit --requirement requirements.lock --no-deps --disable-pip --strict

lock: ## pin what is installed now: names and exact versions
	$(BIN)/python -m pip freeze --exclude-editable | grep -v ' @ ' > requirements.lock

clean: ## remove the installation; data in .ingestion stays
	rm -rf $(VENV)
