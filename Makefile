# Every target sets up .venv first, so each works on a fresh machine with Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Compiled once, before the workers of a test run would each do it.
KERNELS := $(BIN)/python -c "from proofward.cli.common.console import make_console; from proofward.cli.common.kernels import load_kernels; load_kernels(make_console())"

.PHONY: demo test exhaustive check bench docs notebooks clean

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	touch $@

demo: $(READY)
	$(BIN)/proofward demo

test: $(READY)
	$(KERNELS)
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

exhaustive: $(READY)
	$(BIN)/python -m pytest -n 3 --dist load -m exhaustive

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(KERNELS)
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder -m "not slow"

bench: $(READY)
	$(BIN)/python benchmarks/_smallest.py

# The site of the documents, in build/site; a warning is an error. The variable leaves out a notice of the theme's makers.
docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Stores in the notebooks what their cells print.
notebooks: $(READY)
	$(KERNELS)
	$(BIN)/python notebooks/execute.py

clean:
	rm -rf $(VENV) build *.egg-info
