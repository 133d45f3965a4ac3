# `make` lists the targets. `make demo` and `make test` set everything up themselves.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
RUST_SOURCES := $(shell find rust -name '*.rs') Cargo.toml Cargo.lock pyproject.toml
DATA ?= examples/data/rated.jsonl
MODEL ?= smollm2
OUT ?= out/demo
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Set-up. A stamp per lock file says that the environment holds it; the Rust build is shared by all targets.
$(VENV)/base: requirements/base.txt
	@test -n "$(PYTHON)" || { echo 'prefcore needs Python 3.11 or newer, and none was found: install it, or name it with make PYTHON=/path/to/python.' >&2; exit 1; }
	@command -v cc >/dev/null || { echo 'prefcore needs a C compiler as linker, and none was found: install gcc or clang (on macOS: xcode-select --install).' >&2; exit 1; }
	@command -v cargo >/dev/null || { echo 'prefcore needs cargo (Rust 1.89 or newer), and none was found: install Rust from https://rustup.rs.' >&2; exit 1; }
	@echo "Creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { echo 'Creating $(VENV) failed: on Debian and Ubuntu, install python3-venv.' >&2; exit 1; }
	$(BIN)/pip install --quiet -r $<
	@touch $@

$(VENV)/demo $(VENV)/test $(VENV)/peers: $(VENV)/%: requirements/%.txt requirements/no-deps.txt | $(VENV)/base
	@echo 'Installing requirements/$*.txt (on Linux x86-64 torch brings 5 GB of CUDA libraries: a minute or two)'
	$(BIN)/pip install $(if $(CI),--quiet) -r $<
	$(BIN)/pip install --quiet --no-deps -r requirements/no-deps.txt
	@touch $@

$(VENV)/docs: requirements/docs.txt requirements/docs-no-deps.txt | $(VENV)/base
	$(BIN)/pip install --quiet -r $<
	$(BIN)/pip install --quiet --no-deps -r requirements/docs-no-deps.txt
	@touch $@

$(VENV)/extension: $(RUST_SOURCES) | $(VENV)/base
	@echo 'Building the extension (release mode: a minute the first time)'
	env -u CONDA_PREFIX VIRTUAL_ENV="$(CURDIR)/$(VENV)" $(BIN)/maturin develop --release --locked
	@touch $@

.PHONY: help
help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/demo $(VENV)/extension ## DPO-tune a small model on rated completions: DATA=file MODEL=name OUT=folder ARGS=options.
	$(BIN)/python examples/dpo.py --data $(DATA) --model $(MODEL) --out $(OUT) $(ARGS)

.PHONY: test
test: test-rust $(VENV)/test $(VENV)/extension ## Every test: Rust core, Python, docstring examples, wheels.
	$(BIN)/python -m pytest

.PHONY: test-rust
test-rust: ## Tests of the Rust core alone; needs no Python.
	cargo test --locked --quiet

.PHONY: test-slow
test-slow: $(VENV)/test $(VENV)/extension ## Every set-up of TRL's trainers for twelve steps, the wheel in an empty environment, and what else takes minutes.
	$(BIN)/python -m pytest --slow tests/integrations tests/test_wheel_alone.py

.PHONY: lint
lint: $(VENV)/test $(VENV)/extension ## Formatting, lints, types, stubs.
	cargo fmt --check
	cargo clippy --locked --quiet --all-targets --features python -- -D warnings
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy python
	$(BIN)/python -m mypy.stubtest prefcore._rust

.PHONY: check
check: lint test ## What CI runs.

.PHONY: bench
bench: $(VENV)/peers $(VENV)/extension ## Time every case against its rivals (ONLY=case); writes benches/results.
	PYTHONPATH=tests $(BIN)/python benches/run.py $(ONLY)

.PHONY: bench-rust
bench-rust: ## Time the Rust core alone.
	cargo bench --locked

.PHONY: test-gpu
test-gpu: $(VENV)/test $(VENV)/extension ## Tests that need a CUDA device.
	$(BIN)/python -m pytest -m gpu

.PHONY: bench-gpu
bench-gpu: $(VENV)/test $(VENV)/extension ## Bench cases of the kernels on a CUDA device.
	PYTHONPATH=tests $(BIN)/python benches/run.py --device cuda $(ONLY)

.PHONY: wheel
wheel: $(VENV)/test ## manylinux2014 abi3 wheel and sdist into dist/.
	$(BIN)/maturin sdist --out dist
	PATH="$(CURDIR)/$(BIN):$$PATH" maturin build --release --locked --zig --compatibility manylinux2014 --out dist

.PHONY: dev
dev: $(VENV)/test $(VENV)/extension ## Only the set-up: environment, tools, extension.

.PHONY: fmt
fmt: $(VENV)/test ## Format all code.
	cargo fmt
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format

.PHONY: docs
docs: $(VENV)/docs ## Documentation site: open site/index.html. A link that leads nowhere fails.
	$(BIN)/python docs/site/pages.py target/pages
	PYTHONPATH=docs/site $(BIN)/zensical build --strict --clean

.PHONY: docs-check
docs-check: docs $(VENV)/test $(VENV)/extension ## The site and two reports in headless Chromium: no error, nothing from the network.
	mkdir -p target/reports
	$(BIN)/prefcore inspect examples/data/rated.jsonl --overwrite --html target/reports/inspect.html >target/reports/log
	printf ',gpt,llama,base\ngpt,0,14,19\nllama,6,0,15\nbase,1,5,0\n' >target/reports/wins.csv
	$(BIN)/prefcore rate target/reports/wins.csv --from matrix --overwrite --html target/reports/rate.html >>target/reports/log
	$(BIN)/python docs/site/check.py site target/reports/*.html

.PHONY: docs-rust
docs-rust: ## API pages of the Rust core into target/doc.
	cargo doc --locked --no-deps

.PHONY: lock
lock: $(VENV)/base ## Renew the lock files from requirements/*.in.
	$(BIN)/pip install --quiet uv==0.13.9
	cd requirements && for use in test peers demo docs base; do \
		constraint=$$([ $$use = test ] || echo '-c test.txt'); \
		../$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-annotate --upgrade \
			--custom-compile-command 'make lock' $$constraint $$use.in -o $$use.txt || exit 1; done

.PHONY: clean
clean: ## Remove everything that make created.
	rm -rf $(VENV) target dist out site .cache .benchmarks .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find python triton_kernels tests benches examples -name __pycache__ -prune -exec rm -rf {} +
	rm -f python/prefcore/_rust.*.so
