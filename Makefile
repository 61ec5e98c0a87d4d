# Everything starts from nothing: each target first makes the virtual environment, once.
VENV ?= .venv
WORKERS ?= 2
INSTRUCTION ?= put the eggplant in the bowl
READY := $(VENV)/.ready
BIN := $(VENV)/bin

.PHONY: help setup demo test test-slow check format lock clean

help:
	@echo "make demo    set up, then let the agent carry out: $(INSTRUCTION)"
	@echo "make test    set up, then run the tests"
	@echo "make test-slow  the tests that take more than ten seconds each"
	@echo "make check   set up, then check format, lint, types and import contracts"
	@echo "make setup   set up only: a virtual environment in $(VENV)"

setup: $(READY)

$(READY): pyproject.toml requirements.lock
	@python=$$(PYTHON="$(PYTHON)" ./.ci/find-python) && \
	echo "Setting up $(VENV) with $$python (once; about 5 GB, mostly torch)" && \
	"$$python" -m venv "$(VENV)"
	$(BIN)/python -m pip install --quiet --constraint requirements.lock --editable '.[dev,franka,cell,cameras]'
	@touch $@

demo: $(READY)
	@$(BIN)/aubergine run "$(INSTRUCTION)"

test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(WORKERS)

test-slow: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Writes down the exact versions that are installed: run after raising a bound in pyproject.toml and testing.
lock: $(READY)
	$(BIN)/python -m pip freeze --exclude-editable | grep -v '@' > requirements.lock

clean:
	rm -rf "$(VENV)" build runs .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
