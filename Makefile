# Everything a newcomer or a change needs; `make help` lists it. Works with GNU make 3.81 and newer.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WHEEL_ENV := build/wheel
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# Compiled modules are kept, or every start pays for them again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo check lint format-check types contracts wheel test bench bench-setup \
	lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' Makefile

setup: $(VENV)/.installed ## Make the environment in .venv
	@:

demo: setup ## Run the main job on the example ledger
	@$(BIN)/hansard run "Generate a Q4 financial report with charts" \
		--input examples/q4/ledger.csv

check: setup ## Run linters, type checker and import contracts
	@$(MAKE) --no-print-directory --keep-going --jobs=4 lint format-check types contracts

lint: setup
	@$(BIN)/ruff check --quiet

format-check: setup
	@$(BIN)/ruff format --check --quiet || { echo "Run $(BIN)/ruff format." >&2; exit 1; }

types: setup
	@$(BIN)/mypy

contracts: setup
	@$(BIN)/lint-imports --no-logo

wheel: setup ## Build the wheel into dist/ and install it into build/wheel
	@rm -rf dist $(WHEEL_ENV)
	@$(BIN)/python -m hatchling build --target wheel
	@$(BIN)/python -m venv --without-pip $(WHEEL_ENV)
	@$(PIP) --python $(WHEEL_ENV)/bin/python install --no-deps --no-compile dist/*.whl
	@$(WHEEL_ENV)/bin/python -c "$$BORROW_DEPENDENCIES" \
		"$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"

test: check wheel ## Run check, build the wheel, and run all tests with coverage
	@$(BIN)/python -m pytest --numprocesses auto --dist worksteal --cov --cov-report term

bench-setup: setup ## Install the peers of the benchmarks into .venv-bench
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip --disable-pip-version-check --quiet install \
		--only-binary :all: --requirement benchmarks/peers/requirements.txt

bench: setup ## Run the benchmarks; make bench BENCH=--quick takes less time
	@set -e; for name in event_log stress read_side time_machine orchestration retrieval main_job; do \
		$(BIN)/python -m benchmarks.$$name $(BENCH); \
	done

lock: ## Resolve requirements.lock anew; make lock UPGRADE=--upgrade takes the newest versions
	@$(PYTHON) -m venv build/lock
	@build/lock/bin/python -m pip --disable-pip-version-check --quiet install 'uv>=0.13,<0.14'
	@build/lock/bin/uv pip compile pyproject.toml --extra onnx --group dev --universal \
		--python-version 3.11 --only-binary :all: --generate-hashes --no-emit-index-url \
		--custom-compile-command 'make lock' --quiet $(UPGRADE) --output-file requirements.lock

clean: ## Remove everything that make makes
	@rm -rf $(VENV) .venv-bench build dist .coverage .coverage.* .hypothesis .import_linter_cache \
		.mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Every package comes as a wheel (no compiler) and modules compile on first use, which halves the
# time to the first demo.
$(VENV)/.locked: requirements.lock
	@command -v "$(PYTHON)" > /dev/null || { echo "There is no $(PYTHON) here: install Python" \
		"3.11 or newer, or name one, as in make PYTHON=python3.12 setup." >&2; exit 1; }
	@$(PYTHON) -c "$$REQUIRE_PYTHON"
	@echo "Installing into $(VENV), less than a minute ..." >&2
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PIP) install --no-deps --require-hashes --only-binary :all: --no-compile \
		--requirement requirements.lock
	@touch $@

$(VENV)/.installed: $(VENV)/.locked pyproject.toml
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

define REQUIRE_PYTHON
import sys
version = ".".join(map(str, sys.version_info[:3]))
sys.exit(
    not (3, 11) <= sys.version_info[:2] <= (3, 14)
    and "Hansard needs Python 3.11 to 3.14, and $(PYTHON) is " + version
    + "; name another one, as in make PYTHON=python3.12 setup."
)
endef
export REQUIRE_PYTHON

# The wheel's environment sees the locked dependencies, but not the checkout that $(VENV) points to.
define BORROW_DEPENDENCIES
import pathlib, sys, sysconfig
pathlib.Path(sysconfig.get_path("purelib"), "dependencies.pth").write_text(
    sys.argv[1] + "\nimport os; os.getenv('COVERAGE_PROCESS_CONFIG')"
    " and __import__('coverage').process_startup()\n"
)
endef
export BORROW_DEPENDENCIES
