# Two commands do everything: `make run` and `make test`. Both need Python 3.11+ and make, nothing else.

# The system's own Python where it will do: distributions link theirs as a whole, and a season takes a sixth less with it
# than with one that a version manager has compiled.
PYTHON ?= $(shell for python in /usr/bin/python3 python3; do \
	$$python -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; done; echo $$python)
REPLICAS ?= 2
DATA ?= data
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# pip takes half a minute to find what the lock has named already; but only pip is told of an index by pip's settings.
UV := UV_SYSTEM_CERTS=1 $(BIN)/uv pip install --quiet --python $(BIN)/python
LOCKED := --require-hashes --only-binary :all: -r requirements.lock

# Where an environment says that no bytecode is to be kept, each process makes its own again, of every module.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run cluster cluster-clean test setup lint types unit lock schemas clean torture bench-setup fuzz audit-deps

run: setup ## start Pulang, play the season, keep serving
	$(BIN)/pulang demo examples/season-2020 --data $(DATA)

cluster: setup ## without Docker: everything of compose.yaml as local processes (Linux; Java 17, Maven, PostgreSQL)
	$(BIN)/python -m deploy.cluster --replicas $(REPLICAS)

cluster-clean: setup ## remove what `make cluster` has kept in .cluster
	$(BIN)/python -m deploy.cluster clean

test: setup ## linters, types, every test
	$(MAKE) --no-print-directory -j 2 --output-sync=target lint types
	$(MAKE) --no-print-directory unit

setup: .venv/installed

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Pulang needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.txt
	$(PIP) --require-hashes --only-binary :all: -r .venv/uv.txt
	$(UV) --compile-bytecode $(LOCKED) || $(PIP) $(LOCKED)
	$(UV) --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q pulang services shared
	touch $@

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup
	$(BIN)/mypy

# Four at a time on two processors, since they wait for servers and disks half of their time, and the longest files
# first; then the one that needs all of the machine.
ALONE := tests/cluster
unit: setup
	$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder --ignore $(ALONE)
	$(BIN)/pytest $(ALONE)

torture: setup ## a cluster under faults: MINUTES=10, SEED=n replays a schedule
	$(BIN)/python -m tests.faults.torture --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED)) --replicas $(REPLICAS)

fuzz: setup ## generated requests over the OpenAPI: EXAMPLES=50000; SEED=n makes others
	PULANG_FUZZ_EXAMPLES=$(or $(EXAMPLES),50000) $(if $(SEED),PULANG_FUZZ_SEED=$(SEED)) $(BIN)/pytest tests/fuzz

# With the lock alone, so that nothing is asked of an index but the advisories. It fails where these are out of reach.
audit-deps: setup ## known vulnerabilities of what the lock names (asks PyPI)
	$(BIN)/pip-audit --requirement requirements.lock --require-hashes --disable-pip --strict --progress-spinner off \
		|| { echo "audit-deps: not clean, or not to be said: above is a vulnerability, or an index without advisories" >&2; exit 1; }

bench-setup: setup ## what the benchmarks compare with, beside what Pulang needs
	$(PIP) --no-deps faststream==0.7.8 faststream-outbox==0.19.0 fast-depends==3.0.9

lock: setup ## after a change of the dependencies in pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --extra dev pyproject.toml -o requirements.lock

schemas: setup ## after a change of the event models
	$(BIN)/pulang schemas docs/schemas

clean:
	rm -rf .venv
