# Drumroll: `make run` to try it or to run it, `make test` to check it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Compiled once, for all workers and processes of the tests.
export PYTHONDONTWRITEBYTECODE :=
STAMP := $(VENV)/.installed

.PHONY: run demo test units fast browser failover lint bench clean

$(STAMP): requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Drumroll needs Python 3.11 or newer; found $$($(PYTHON) --version). Try: make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what Drumroll needs into $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

run: $(STAMP)
	@$(BIN)/python bot.py start

demo: $(STAMP)
	@$(BIN)/python bot.py demo

# Linters and tests side by side: the types take a core for half a minute.
test: $(STAMP)
	@$(MAKE) --no-print-directory -j 2 lint units

units: $(STAMP)
	@$(BIN)/python -m pytest -n auto --dist worksteal -m "not browser and not failover"

# Without the tests that start processes, and without those that take seconds.
fast: $(STAMP)
	@$(BIN)/python -m pytest -n auto --dist worksteal -m "not browser and not failover and not process and not thorough"

browser: $(STAMP)
	@command -v chromium chromium-browser google-chrome google-chrome-stable >/dev/null || { echo "make browser needs Chromium, e.g. from: apt-get install chromium"; exit 1; }
	@$(BIN)/python -m pytest -m browser

failover: $(STAMP)
	@$(BIN)/python -m pytest -m failover

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(STAMP)
	@$(BIN)/python -m bench

clean:
	rm -rf $(VENV) .drumroll .mypy_cache .ruff_cache .pytest_cache .hypothesis
