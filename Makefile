# metaqnn: designs convolutional networks with Q-learning.
#   make search                      the embedded digits: minutes on a laptop, no download
#   make search DATASET=cifar10      the paper's CIFAR-10 search; run it again to resume
#   make inspect DATASET=cifar10     look into it, also while it runs
# Options: MODELS=270  DB=path/to/file.sqlite  ARGS="--workers 2 --set training.epochs=5"

DATASET := digits
DB :=
CLUSTER :=
PYTHON := python3
VENV := .venv
OLDEST := .venv-oldest
MODELS :=
ARGS :=
BIN := $(VENV)/bin
OUT :=
TABLE := benchmarks/digits.yaml
DATABASE = $(or $(DB),replay_db/$(basename $(notdir $(DATASET))).sqlite)

# Nothing is installed outside $(VENV), whoever runs make, and pip there is as old as the interpreter.
export PIP_ROOT_USER_ACTION := ignore
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup dev search resume inspect compare report test test-all test-oldest fuzz lint check profile bench bench-gpu soak docs links wheel clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.installed ## set up .venv with the package

dev: $(VENV)/.installed-dev ## set up what contributing needs, and check each commit before it is made
	$(BIN)/pre-commit install

search: $(VENV)/.installed ## start or resume a search [DATASET= MODELS= DB= CLUSTER= ARGS=]
	@$(BIN)/metaqnn search $(DATASET) $(if $(DB),--db $(DB)) $(if $(MODELS),--models $(MODELS)) $(if $(CLUSTER),--cluster $(CLUSTER)) $(ARGS)

resume: $(VENV)/.installed ## resume a search; refuses where there is none [DATASET= MODELS= DB= CLUSTER= ARGS=]
	@$(BIN)/metaqnn resume $(DATASET) $(if $(DB),--db $(DB)) $(if $(MODELS),--models $(MODELS)) $(if $(CLUSTER),--cluster $(CLUSTER)) $(ARGS)

inspect: $(VENV)/.installed ## look into a search, also while it runs [DATASET= DB=]
	@$(BIN)/metaqnn replay summary $(DATABASE)
	@$(BIN)/metaqnn replay top $(DATABASE)

report: $(VENV)/.installed ## a search as one page in OUT=build/report/NAME [DATASET= DB= OUT= ARGS=]
	@$(BIN)/metaqnn report $(DATABASE) $(if $(OUT),--out $(OUT)) $(ARGS)

test: $(VENV)/.installed-dev ## run the tests
	$(BIN)/python -m pytest --numprocesses=logical --maxprocesses=4 --dist=loadfile $(ARGS)

test-all: $(VENV)/.installed-dev ## run the tests that take minutes, too
	$(BIN)/python -m pytest --numprocesses=logical --maxprocesses=4 --dist=loadfile -m "" $(ARGS)

test-oldest: $(OLDEST)/.installed-oldest ## run them on the oldest versions allowed, before a release
	$(OLDEST)/bin/python -m pytest --numprocesses=logical --maxprocesses=4 --dist=loadfile $(ARGS)

fuzz: $(VENV)/.installed-dev ## try 100,000 inputs that no user should have
	FUZZ=50 $(BIN)/python -m pytest tests/fuzz --timeout=7200 --durations=0 $(ARGS)

lint: $(VENV)/.installed-dev ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint test ## lint and test

profile: $(VENV)/.installed ## see where a worker's time goes, on six networks [DATASET= MODELS=6 ARGS=]
	@rm -rf build/profile && mkdir -p build/profile
	@$(BIN)/metaqnn search $(DATASET) --models $(or $(MODELS),6) --workers 1 --db build/profile/search.sqlite $(ARGS)
	@$(BIN)/metaqnn replay profile build/profile/search.sqlite

compare: $(VENV)/.installed ## compare strategies on a table [TABLE= OUT=build/compare ARGS=]
	@$(BIN)/metaqnn compare $(TABLE) --out $(or $(OUT),build/compare) $(ARGS)

bench: $(VENV)/.installed-bench ## measure speed into OUT=build/bench
	$(BIN)/python -m benchmarks --out $(or $(OUT),build/bench) $(ARGS)

bench-gpu: $(VENV)/.installed-bench ## what the paper's search takes on this GPU, in ten minutes [OUT=build/gpu]
	$(BIN)/python -m benchmarks.gpu --out $(or $(OUT),build/gpu) $(ARGS)

soak: $(VENV)/.installed-dev ## disturb real searches at random for an hour [OUT=build/soak ARGS="--minutes 5 --seed 3"]
	$(BIN)/python -m benchmarks.soak --out $(or $(OUT),build/soak) $(ARGS)

docs: $(VENV)/.installed-docs ## build the documentation into build/docs, without a network
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir $(abspath $(or $(OUT),build/docs))
	@echo "Open $(or $(OUT),build/docs)/index.html; with its search: python3 -m http.server --directory $(or $(OUT),build/docs)"

links: $(VENV)/.installed-dev ## ask whether what the pages link to in the web is there; needs a network
	@$(BIN)/python tests/docs/web_links.py

wheel: $(VENV)/.installed-dev ## build the wheel into dist/, of the same bytes each time
	$(BIN)/python -m build --wheel --no-isolation
	$(BIN)/twine check --strict dist/*.whl

clean: ## remove what can be made again, never a search
	rm -rf $(VENV) $(OLDEST) .venv-mlflow build dist *.egg-info .pytest_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: setup.cfg pyproject.toml | $(VENV)/bin/python
	@echo "Installing metaqnn into $(VENV); with TensorFlow this takes a minute or two ..."
	@$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --editable ".[dev]"
	@touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --editable ".[docs]"
	@touch $@

$(VENV)/.installed-bench: $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --editable ".[bench]"
	@touch $@

$(OLDEST)/.installed-oldest: setup.cfg pyproject.toml tests/oldest.txt
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --constraint tests/oldest.txt --editable ".[dev]"
	@touch $@
