# `make demo`, `make test`: they need Python, a C compiler, make, and nothing else.
PYTHON ?= python3
# Another interpreter has an environment of its own: .venv-3.12 for PYTHON=python3.12.
ifneq ($(PYTHON),python3)
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
$(if $(VERSION),,$(error PYTHON=$(PYTHON) does not run))
VENV ?= .venv-$(VERSION)
endif
VENV ?= .venv
BIN := $(VENV)/bin
BACKEND ?= cpu_c
REPORTS ?= build/reports
# The CUDA backend has an environment of its own: PyCUDA is built for it, without a driver.
CUDA_VENV ?= $(VENV)-cuda
CUDA_BIN := $(CUDA_VENV)/bin
CUDA_TOOLS := backends/cuda_pycuda/tools
# A compiled checkout is rebuilt when one of these changes.
SOURCES := setup.cfg setup.py pyproject.toml corex/backend/sources.py \
	$(wildcard corex/csrc/* corex/include/* backends/cpu_c/*.py backends/cpu_c/csrc/* backends/cpu_c/csrc/kernels/*)

# Tests start many processes: where the environment forbids bytecode, each compiles all of corex.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test parity downstream fuzz lint format stubs bench sanitize full conformance reports array-api test-cuda clean help

help:
	@echo "make demo      train on handwritten digits      make test      the tests"
	@echo "make parity    compare with PyTorch             make lint      style, types, C format"
	@echo "make bench     time against PyTorch and NumPy   make sanitize  the C code under sanitizers"
	@echo "make downstream  tensors in the hands of SciPy, scikit-learn, einops, xarray, ..."
	@echo "make format    format Python and C              make stubs     rewrite the type stubs"
	@echo "make fuzz      random cases and programs against PyTorch (FUZZ_CASES=200000)"
	@echo "make full      what is too long for CI: whole suites, every path of the C code forced"
	@echo "make conformance BACKEND=cpu_c   check a backend against the contract"
	@echo "make reports   the suite on every CPU backend; its pages in build/reports"
	@echo "make test-cuda  the CUDA backend, on a machine without a GPU (GATES='compile orders')"
	@echo "make array-api SUITE=path   the array API standard's own tests, of a checkout"
	@echo "make clean     remove what was built"

# Two targets at once prepare the environment one after the other: inside of the lock, make looks
# again at what is left to do.
LOCK := $(shell command -v flock > /dev/null && echo flock $(VENV).lock)
ifeq ($(if $(LOCK),$(PREPARING),alone),)
$(BIN)/python $(VENV)/.installed $(VENV)/.lint $(VENV)/.torch $(VENV)/.downstream: $(SOURCES)
	@$(LOCK) $(MAKE) --no-print-directory PREPARING=yes $@
else
$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.installed: $(BIN)/python $(SOURCES)
	$(BIN)/python -m pip install --quiet --editable ".[demo,test]"
	@touch $@

$(VENV)/.lint: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable ".[lint]"
	@touch $@

$(VENV)/.torch: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable ".[parity]"
	@touch $@

$(VENV)/.downstream: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable ".[downstream]"
	@touch $@
endif

demo: $(VENV)/.installed
	$(BIN)/corex demo

# On all cores: -n 0 in OPTIONS runs them in one process, as a debugger needs it.
PYTEST := $(BIN)/python -m pytest -n auto --dist worksteal --durations=20

test: $(VENV)/.installed
	$(PYTEST) -m "not parity and not full and not downstream" $(OPTIONS)

parity: $(VENV)/.torch
	$(PYTEST) -m parity $(OPTIONS)
	$(BIN)/python -m tests.parity.table

# SciPy and scikit-learn take other libraries' arrays only where they are asked to before the import.
downstream: $(VENV)/.downstream
	SCIPY_ARRAY_API=1 $(PYTEST) -m downstream tests/downstream $(OPTIONS)

# Cases drawn by hypothesis, then random programs step by step, in corex and PyTorch; prints those
# in which they part. OPTIONS="--seed 7" draws others.
FUZZ_CASES ?= 200000
FUZZ_PROGRAMS ?= 20000
fuzz: $(VENV)/.torch
	$(BIN)/python -m tests.fuzz --cases $(FUZZ_CASES) --programs $(FUZZ_PROGRAMS) \
		--backend $(BACKEND) $(OPTIONS)

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	find backends corex -regex '.*\.\(c\|h\|cpp\)' | grep -v /vendor/ | \
		xargs --no-run-if-empty $(BIN)/clang-format --dry-run --Werror

format: $(VENV)/.lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	find backends corex -regex '.*\.\(c\|h\|cpp\)' | grep -v /vendor/ | \
		xargs --no-run-if-empty $(BIN)/clang-format -i

stubs: $(VENV)/.installed
	$(BIN)/python -m tools.typing_stubs

bench: $(VENV)/.torch
	$(BIN)/python -m benchmarks

conformance: $(VENV)/.installed
	$(BIN)/corex conformance $(BACKEND) $(OPTIONS)

# The pages of all CPU backends; OPTIONS=--reduced for a sample.
reports: $(VENV)/.installed
	$(BIN)/python -m tools.conformance_reports --output $(REPORTS) $(OPTIONS)

# SUITE is a checkout of data-apis/array-api-tests with its submodule: docs/array-api.md. A file or a
# test of it in TESTS, and EXAMPLES per test.
XFAILS := tests/array_api/xfails.txt
EXAMPLES ?= 100
TESTS ?= array_api_tests
array-api: $(VENV)/.installed
	@test -d "$(SUITE)/array-api/src" || { echo "SUITE=path of a checkout of array-api-tests"; exit 2; }
	$(BIN)/python -m pip install --quiet --requirement $(SUITE)/requirements.txt
	cd $(SUITE) && ARRAY_API_TESTS_MODULE=corex.array_api $(abspath $(BIN))/python -m pytest $(TESTS) \
		-rfEX --disable-deadline --max-examples $(EXAMPLES) \
		--xfails-file $(abspath $(XFAILS)) $(OPTIONS)

sanitize: $(VENV)/.installed
	$(BIN)/python backends/cpu_c/sanitize.py
	$(BIN)/python backends/cpu_c/tsan.py

# What `make test` and `make sanitize` do in part: the whole conformance suite under each setting.
full: $(VENV)/.installed
	$(PYTEST) -m full
	$(BIN)/python backends/cpu_c/sweep.py
	$(BIN)/python backends/cpu_c/sanitize.py --full
	$(BIN)/python tests/faults/forks.py 1000

# Linux on x86-64 only: elsewhere there is nothing to install, and the gates say so.
ifeq ($(shell uname -sm),Linux x86_64)
$(CUDA_VENV)/.installed: $(SOURCES) $(CUDA_TOOLS)/toolkit.py $(CUDA_TOOLS)/build_pycuda.py
	test -x $(CUDA_BIN)/python || $(PYTHON) -m venv $(CUDA_VENV)
	$(CUDA_BIN)/python -m pip install --quiet --upgrade pip
	$(CUDA_BIN)/python -m pip install --quiet --editable ".[test]"
	$(CUDA_BIN)/python $(CUDA_TOOLS)/toolkit.py
	$(CUDA_BIN)/python $(CUDA_TOOLS)/build_pycuda.py --install
	@touch $@

test-cuda: $(CUDA_VENV)/.installed
	$(CUDA_BIN)/python $(CUDA_TOOLS)/gates.py $(GATES)
else
test-cuda:
	@echo "skipped: the simulator of CUDA is written for Linux on x86-64"
endif

clean:
	rm -rf $(VENV) $(VENV).lock $(CUDA_VENV) build dist *.egg-info backends/cpu_c/vendor backends/cpu_c/_native*.so corex/_core*.so
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
