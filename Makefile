PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
WORKERS ?= logical
SECONDS ?= 600
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed

# Called as modules: the scripts in .venv/bin stop working when the checkout moves.
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
MANAGE := $(BIN)/python settings/manage.py
SCHEMA = $(MANAGE) spectacular --validate --fail-on-warn --settings=settings.test

# What the developer has set for a server of their own must not decide what is tested.
CLEAN_ENV := env -u DATABASE_URL -u DJANGO_SETTINGS_MODULE
# Set, not only absent, so that no .env sends the checks to a real database.
CHECK_ENV := env -u DJANGO_SETTINGS_MODULE DATABASE_URL=sqlite://:memory:
PYTEST := $(BIN)/python -m pytest --quiet --numprocesses=$(WORKERS) --maxprocesses=8 --no-skips

# What must also hold when no client keeps its session.
RACES := $(wildcard tests/*/test_concurrency*.py tests/*/test_*races.py) \
	tests/bookings/test_rules_under_locks.py tests/bookings/test_idempotency.py \
	tests/common/test_database_away.py tests/common/test_pooling.py tests/tickets/test_audit.py

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help run test test-sqlite test-postgresql test-browser mutants mutants-quick torture scale-out fuzz bench lock lint schema format clean

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(RUNTIME) ## Serve BTick with demo data on http://127.0.0.1:8000 (or HOST=... PORT=...)
	@$(MANAGE) rundemo $(HOST):$(PORT)

# The other database's turn comes also when the first has failed.
test: $(DEV) ## Run all tests on SQLite and on a throw-away PostgreSQL (ARGS=... for pytest)
	@$(MAKE) --no-print-directory --keep-going test-sqlite test-postgresql

test-sqlite: $(DEV) ## Run the tests on SQLite alone
	@echo '== Tests on SQLite'
	@$(CLEAN_ENV) $(PYTEST) -m 'not postgresql and not browser' $(ARGS)

test-postgresql: $(DEV) ## Run the tests on a throw-away PostgreSQL alone
	@echo '== Tests on PostgreSQL'
	@$(CLEAN_ENV) $(BIN)/python -m tests.postgres $(PYTEST) -m 'not sqlite and not browser' $(ARGS)

test-browser: $(DEV) ## Click through Swagger, Redoc and admin (needs chromium; ARGS=--pictures writes docs/images)
	@echo '== Tests in a browser'
	@$(CLEAN_ENV) $(PYTEST) -m browser tests/browser $(ARGS)

mutants: $(DEV) ## Break the code on purpose, see that tests notice (ARGS="text in a mutant's name")
	@$(CLEAN_ENV) $(BIN)/python -m tests.postgres $(BIN)/python -m tests.mutants $(ARGS)

mutants-quick: $(DEV) ## The same with the most telling mutants alone
	@$(CLEAN_ENV) $(BIN)/python -m tests.postgres $(BIN)/python -m tests.mutants --quick $(ARGS)

torture: $(DEV) ## Kill workers and crash PostgreSQL under booking load, and look for what was lost
	@$(CLEAN_ENV) $(BIN)/python -m bench.torture $(ARGS)

# The test databases stay, for the pooler's connections to them do; they go with the server.
scale-out: $(DEV) ## Races, and a stampede on two servers, behind a transaction pooler (needs pgbouncer)
	@echo '== Races behind a pooler'
	@$(CLEAN_ENV) $(BIN)/python -m tests.pooler $(PYTEST) -m 'not sqlite' --reuse-db $(RACES) $(ARGS)
	@echo '== Two servers behind a pooler'
	@$(CLEAN_ENV) $(BIN)/python -m bench.scaleout

fuzz: $(DEV) ## Send generated requests as every kind of caller (SECONDS=600, ARGS='--seed 7')
	@$(CLEAN_ENV) $(BIN)/python -m tests.postgres $(BIN)/python -m bench.fuzz --seconds $(SECONDS) $(ARGS)

bench: $(DEV) ## Measure the API against what the database and the server can do (ARGS=--write writes docs/performance.md)
	@$(CLEAN_ENV) $(BIN)/python -m bench.load $(ARGS)

lock: $(DEV) ## Write requirements.lock anew: the newest versions that requirements.txt allows
	@sed '/^# The suite/,$$d' requirements.txt | $(BIN)/python -m uv pip compile - --quiet --upgrade \
		--universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--output-file requirements.lock

lint: $(DEV) ## Check format, rules, layers, types, migrations, the API schema and the Compose file
	@echo '== Format'
	@$(BIN)/python -m ruff format --quiet --check .
	@echo '== Rules'
	@$(BIN)/python -m ruff check --quiet .
	@echo '== Layers'
	@$(BIN)/python $(BIN)/lint-imports --no-logo
	@echo '== Types'
	@$(CHECK_ENV) $(BIN)/python -m mypy
	@echo '== Migrations'
	@$(CHECK_ENV) $(MANAGE) makemigrations --check --dry-run --settings=settings.test
	@echo '== API schema'
	@$(CHECK_ENV) $(SCHEMA) | diff docs/openapi.yaml - \
		|| { echo 'docs/openapi.yaml is not what the code says: make schema' >&2; exit 1; }
	@echo '== Compose file'
	@$(BIN)/python -m check_jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

schema: $(DEV) ## Write docs/openapi.yaml anew, which lint compares with the code
	@$(CHECK_ENV) $(SCHEMA) --file docs/openapi.yaml

format: $(DEV) ## Format the code and mend what ruff can
	@$(BIN)/python -m ruff check --quiet --fix-only .
	@$(BIN)/python -m ruff format --quiet .

clean: ## Remove .venv and what the tools have written; the database stays
	@rm -rf $(VENV) staticfiles .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis .coverage* htmlcov
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'BTick needs Python 3.11 or newer; name one with make PYTHON=/path/to/python3' >&2; exit 1; }
	@echo '== Creating $(VENV)'
	@$(PYTHON) -m venv $(VENV)

$(RUNTIME): requirements.txt | $(VENV)/pyvenv.cfg
	@echo '== Installing requirements.txt'
	@$(PIP) install -r requirements.txt
	@touch $@

$(DEV): requirements.txt requirements-dev.txt | $(VENV)/pyvenv.cfg
	@echo '== Installing requirements-dev.txt'
	@$(PIP) install -r requirements-dev.txt
	@touch $(RUNTIME) $@
