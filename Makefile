PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export HF_HUB_OFFLINE ?= 1
# Two test processes on two cores: one thread each.
test verify mutate guard: export OMP_NUM_THREADS = 1
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test verify mutate guard short-demo lint format generated clean

# The report of a distillation, from nothing, in a few minutes.
demo: $(VENV)/installed
	$(BIN)/limbeck demo --out runs/demo

# Lint, types, the arrows between folders, and the tests: at most 8 minutes on two cores.
test: lint
	$(BIN)/python -m pytest -n 2 -m "not slow"

# What is too slow for `make test`.
verify: $(VENV)/dev
	$(BIN)/python -m pytest -n 2 -m slow

# Do the tests notice? Mistakes of other toolkits are put in, one at a time; a test must fail for each. A few minutes.
mutate: $(VENV)/dev
	$(BIN)/python tests/mutate.py

# Does a change of the source change a result? BASE and the working tree run the same small cases; they must end in the
# same bits. About 4 minutes on two cores that do nothing else; some of the cases: `make guard ARGS="ensemble loaders"`.
guard: $(VENV)/dev
	$(BIN)/python tests/guard/guard.py $(ARGS)

# Every stage of the demo on a tenth of the data, in about a minute. (set -f: the shell would take [0] for a pattern.)
short-demo: $(VENV)/installed
	set -f; $(BIN)/limbeck demo --out runs/short $$(cat benchmarks/short_demo.txt)

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyrefly check
	$(BIN)/lint-imports

# Files that are made from others: published schemas, tables from benchmarks/results, a page a loss.
generated: $(VENV)/installed
	$(BIN)/python -m limbeck.pipeline.schemas
	$(BIN)/python benchmarks/tables.py
	$(BIN)/python benchmarks/loss_pages.py

format: $(VENV)/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# torch first and alone: its pinned release, so that no other package brings a larger build of it.
$(VENV)/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[distill]'
	touch $@

$(VENV)/dev: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[distill,dev]'
	touch $@

clean:
	rm -rf $(VENV) runs
