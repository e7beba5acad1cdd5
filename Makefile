# Every target sets up what it needs. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
# Only Debian's and Ubuntu's own packages are installed, and only when they are missing and we may.
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet install

.PHONY: help demo up test test-slow test-real lint unit integration bench lock screenshots clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.venv/.python: | requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Python 3.11 or newer is needed; set PYTHON=…'; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' || { echo 'Python has no venv module: apt-get install python3-venv'; exit 1; }
	@echo 'creating .venv'
	@$(PYTHON) -m venv .venv
	@touch $@

# pip checks every hash; the project itself is then added without letting pip resolve anything again.
.venv/.runtime: requirements.lock pyproject.toml .venv/.python
	@echo 'installing the pinned requirements into .venv (about a minute the first time)'
	@$(PIP) --require-hashes --requirement requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.runtime
	@echo 'installing what the tests need into .venv'
	@$(PIP) --require-hashes --requirement requirements-dev.lock
	@touch $@

demo: .venv/.runtime ## set everything up, then run the whole loop from STAGING to a delivery report
	@$(BIN)/repo-agent demo

up: .venv/.runtime ## start Dagster with all schedules and sensors and stay up; Ctrl-C stops it
	@exec $(BIN)/repo-agent up

test: .venv/.dev ## lint, types, import rules and every test, with real Docker and PostgreSQL
	@bash tests/run

test-slow: .venv/.dev ## the whole loop on a real daemon, with what kills it, and repositories that mean harm
	@bash tests/run slow

test-real: .venv/.dev ## validate fixes of real projects, fetched from the package registries (about ten minutes)
	@bash tests/run real

lint: .venv/.dev ## ruff, mypy and import-linter only
	@bash tests/run lint

bench: .venv/.dev ## print each benchmark's ratio against its named peer
	@$(BIN)/python -m benchmarks

lock: ## compile requirements*.lock again from pyproject.toml (needs uv)
	@uv pip compile -q pyproject.toml --universal --no-strip-extras --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate --group build -o requirements.lock
	@uv pip compile -q pyproject.toml --universal --no-strip-extras --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate --group dev -c requirements.lock -o requirements-dev.lock

screenshots: .venv/.dev ## take the pictures of delivery reports for docs/images
	@$(BIN)/python -m tests.reports.screenshots

clean: ## remove what was made: services, sandboxes, .repo_agent, .venv
	@if [ -x $(BIN)/repo-agent ]; then $(BIN)/repo-agent clean --yes; fi
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage .coverage.* dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo 'clean'
