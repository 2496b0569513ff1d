# Short names for what a developer does often. `./test` needs nothing but a shell; these need .venv (make setup).
PYTHON ?= .venv/bin/python
PYTEST = $(PYTHON) -m pytest -n 2 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help setup check test test-fast acceptance crash bench demo docs format

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install the test servers and .venv
	./test --setup

check: ## all that ./test checks, without installing anything: run it before you push
	PYTHON=$(PYTHON) ./test --no-setup

test: ## the whole suite, on SQLite and PostgreSQL
	$(PYTEST)

test-fast: ## what needs no server: seconds
	$(PYTEST) tests/unit tests/contracts

acceptance: ## the stories, on real servers
	$(PYTEST) tests/acceptance

crash: ## the crash test: 100 kills on each database, some six minutes
	$(PYTHON) tests/crash/run.py --database sqlite
	$(PYTHON) tests/crash/run.py --database postgresql

bench: ## the benchmarks
	$(PYTHON) bench/run.py

demo: ## try Postroom with its own mail servers and sample mail
	$(PYTHON) -m postroom.cli demo

docs: ## make docs/reference from the code
	$(PYTHON) -m postroom.cli.reference docs/reference

format: ## put the code into the project's format
	$(PYTHON) -m ruff check --fix-only --quiet .
	$(PYTHON) -m ruff format .
