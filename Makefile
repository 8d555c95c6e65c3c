# Lineshaft. `make` lists what can be made; every target sets up what it needs first.

PYTHON ?= python3
ARGS ?=
PY := .venv/bin/python
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# where this is set, every node and every test worker would compile all it imports anew: half of a node's start
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test lint format bench docs soak lock web clean ready-run ready-dev

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: ready-run ## run the demo plant and print its address and first login (ARGS='--for 60 --json FILE')
	@$(PY) -m tools.build_web
	@$(PY) -m lineshaft demo $(ARGS)

test: ready-dev ## set up all that tests need, and run them (ARGS='tests/store -x')
	@$(PY) -m tools.counterparts
	@$(PY) -m tools.build_web
	@$(PY) -m tools.build_web test
	@$(PY) -m pytest -m "not slow" -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: ready-dev ## format, style, types, laws of the house, docs, web types
	@wrong=0; \
	.venv/bin/ruff format --check --quiet . || wrong=1; \
	.venv/bin/ruff check --quiet . || wrong=1; \
	.venv/bin/pyright || wrong=1; \
	.venv/bin/lint-imports --no-logo || wrong=1; \
	$(PY) -m tools.docs --check || wrong=1; \
	$(PY) -m tools.build_web check || wrong=1; \
	exit $$wrong

format: ready-dev ## format the Python code
	@.venv/bin/ruff check --quiet --fix-only .
	@.venv/bin/ruff format .

bench: ready-dev ## measure against peers (ARGS='--only NAME --json FILE')
	@$(PY) -m tools.build_web
	@$(PY) -m bench $(ARGS)

docs: ready-dev ## write the generated reference pages in docs/reference
	@$(PY) -m tools.docs

soak: ready-dev ## the long tests, marked slow
	@$(PY) -m tools.counterparts soak
	@$(PY) -m tools.build_web
	@$(PY) -m pytest -m slow --timeout 7200 $(ARGS)

lock: ready-dev ## renew the hashed locks after a change of dependencies (ARGS=--upgrade for the newest)
	@$(PY) -m tools.lock $(ARGS)

web: ready-run ## build the pages
	@$(PY) -m tools.build_web

clean: ## remove what was built and cached (.venv and the data folder stay)
	rm -rf dist build src/lineshaft/see/static web/node_modules tests/counterparts/node_modules bench/nodered/node_modules .venv/.stamp-web
	rm -rf .pytest_cache .ruff_cache .hypothesis .import_linter_cache tests/artifacts
	rm -rf tests/counterparts/python/*/ tests/counterparts/aarch64
	find src tests tools bench -name __pycache__ -type d -prune -exec rm -rf {} +

ready-run:
	@$(PYTHON) -m tools.bootstrap run

ready-dev:
	@$(PYTHON) -m tools.bootstrap dev
