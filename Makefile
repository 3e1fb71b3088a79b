# Everything runs from .venv, made from requirements.lock; nothing else is needed but Python 3.11 and make.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKSPACE ?= examples/complete_journey
DATE ?= 2017-12-03
SOURCES := pipelines resources assets service tests benchmarks examples

export DAGSTER_DISABLE_TELEMETRY := 1
export DO_NOT_TRACK := 1

.PHONY: run dev test lint format types imports sql definitions dbt emulators unit clean lock

run: $(READY)  ## set up, load the sample, run one night, print where to look
	@$(BIN)/python examples/complete_journey/load.py
	@$(BIN)/onward run --workspace $(WORKSPACE) --date $(DATE)

dev: $(READY)  ## the Dagster UI with the same definitions, on loopback
	@$(BIN)/python examples/complete_journey/load.py
	@$(BIN)/onward dev --workspace $(WORKSPACE)

test: $(READY) emulators lint types imports sql definitions unit  ## all gates and tests

$(READY): requirements.lock pyproject.toml
	@echo "Setting up $(VENV) from requirements.lock (about a minute, once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@# uv is faster; pip knows indexes that only pip's own configuration names.
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet -r requirements.lock \
		|| $(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $(READY)

lint: $(READY)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)

format: $(READY)
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

types: $(READY)
	$(BIN)/mypy

imports: $(READY)
	$(BIN)/lint-imports

sql: $(READY)
	$(BIN)/sqlfluff lint dbt_project --processes 2

definitions: $(READY)
	ONWARD_WORKSPACE=examples/complete_journey $(BIN)/python -m assets.gate

emulators: $(READY)  ## environments of the warehouse emulators, for tests and benchmarks
	$(BIN)/python -m tests.emulators.install

unit: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder --cov --cov-report=term:skip-covered
	$(BIN)/coverage report --include='pipelines/*' --skip-covered --fail-under=97

lock: $(READY)  ## compile requirements.lock from pyproject.toml
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
		--extra dev --extra postgres --extra sample pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) .emulators .onward dbt_project/target dbt_project/logs
