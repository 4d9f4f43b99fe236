# Each target makes what it needs: a virtual environment in .venv, the command in target/release.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SPARK := .venv-spark
BUSPROBE := target/release/busprobe
RUST_SOURCES := Cargo.toml Cargo.lock $(shell find crates plugins -name '*.rs' -o -name Cargo.toml 2>/dev/null)
PYTHON_SOURCES := $(shell find crates/python -name '*.py' -o -name '*.pyi' -o -name pyproject.toml)

# What the tests run besides cargo and Python; the Debian package is named after its command, or
# behind the colon.
TOOLS := chromium iverilog verilator yosys valgrind busybox memtool go:golang-go
# A fresh machine has no lists of packages, and old lists name packages that are gone.
APT_GET := $(if $(filter 0,$(shell id -u)),,sudo) apt-get -qq
apt_install = { $(APT_GET) install -y --no-install-recommends $(1) >/dev/null 2>&1 \
  || { $(APT_GET) update && $(APT_GET) install -y --no-install-recommends $(1) >/dev/null; }; }

.PHONY: help demo test tools test-rust test-python test-programs test-guest test-hdl test-spark lint bench clean

help:
	@echo "make demo    show what Python puts on the bus on this machine, and the exact way beside it"
	@echo "make test    run all tests"
	@echo "make lint    formatting, lints and types of all code"
	@echo "make bench   measure speed beside peers"

$(BUSPROBE): $(RUST_SOURCES)
	cargo build --release --locked -p busprobe

# Debian and Ubuntu package Python's venv module apart.
$(BIN)/python:
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || $(call apt_install,python3-venv) \
	  || { echo "Python cannot make virtual environments here: apt-get install python3-venv" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/maturin: | $(BIN)/python
	$(BIN)/python -m pip install -q --disable-pip-version-check 'maturin>=1.9,<2' numpy
	@touch $@

$(VENV)/package: $(VENV)/maturin $(RUST_SOURCES) $(PYTHON_SOURCES)
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/maturin develop -q --release --locked -m crates/python/Cargo.toml
	@touch $@

# What the tests and lints need beyond the package, as the package itself lists it.
$(VENV)/checks: $(VENV)/package crates/python/pyproject.toml
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/maturin develop -q --release --locked -m crates/python/Cargo.toml --extras test,lint
	@touch $@

$(VENV)/hdl: $(VENV)/checks hdl/requirements.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check -r hdl/requirements.txt
	@touch $@

$(VENV)/analytics: $(VENV)/checks examples/analytics/requirements.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check -r examples/analytics/requirements.txt
	@touch $@

$(VENV)/bench: $(VENV)/package bench/requirements.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check -r bench/requirements.txt
	@touch $@

# Spark takes more room than all the rest, and has an environment of its own.
$(SPARK)/ready: examples/analytics/requirements-spark.txt | $(BIN)/python
	$(PYTHON) -m venv $(SPARK)
	$(SPARK)/bin/python -m pip install -q --disable-pip-version-check -r $<
	@touch $@

demo: $(BUSPROBE) $(VENV)/package
	@PATH="$(abspath $(BIN)):$(abspath target/release):$$PATH" examples/demo.sh

# The guests take the longest, one CPU at a time: what is left runs beside them.
test: test-rust test-python test-programs
	@$(MAKE) --no-print-directory -j2 --output-sync=line test-guest test-hdl test-spark

tools:
	@missing=$$(for tool in $(TOOLS); do \
	  command -v $${tool%:*} >/dev/null || echo $${tool#*:}; done); \
	[ -z "$$missing" ] || $(call apt_install,$$missing) \
	  || { echo "the tests need:" $$missing "(apt-get install" $$missing")" >&2; exit 2; }

test-rust: $(VENV)/checks tools
	PATH="$(abspath $(BIN)):$$PATH" cargo test --locked --workspace

test-python: $(VENV)/analytics $(BUSPROBE) tools
	$(BIN)/python -m pytest -q crates/python
	$(BIN)/python -m pytest -q examples/analytics -k "not spark"

# The examples of asking Spark about traces, on this machine.
test-spark: $(SPARK)/ready $(BUSPROBE)
	@command -v java >/dev/null || $(call apt_install,default-jre-headless) \
	  || { echo "Spark needs Java: apt-get install default-jre-headless" >&2; exit 2; }
	$(SPARK)/bin/python -m pytest -q examples/analytics -k spark

# Programs that nobody here wrote, traced as they are.
test-programs: $(VENV)/checks $(BUSPROBE) tools
	$(BIN)/python -m pytest -q tests

# Two machines boot, so this takes minutes; what is fetched and built stays in the cache. The builds
# are not for make to count, so they hear nothing of its jobs.
test-guest: $(VENV)/checks $(BUSPROBE)
	MAKEFLAGS= $(BIN)/python -m pytest -q guest/tests

test-hdl: $(VENV)/hdl tools
	$(MAKE) --no-print-directory -C hdl test

lint: $(VENV)/checks
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python -p crates/python
	$(BIN)/pyright --pythonpath $(BIN)/python -p guest
	$(BIN)/pyright --pythonpath $(BIN)/python -p tests
	$(BIN)/python -m mypy.stubtest busprobe

bench: $(BUSPROBE) $(VENV)/bench
	PATH="$(abspath $(BIN)):$(abspath target/release):$$PATH" $(BIN)/python bench/untouched.py
	PATH="$(abspath $(BIN)):$(abspath target/release):$$PATH" $(BIN)/python bench/capture.py
	PATH="$(abspath $(BIN)):$(abspath target/release):$$PATH" $(BIN)/python bench/inprocess.py
	$(BIN)/python bench/access.py
	$(BIN)/python bench/import.py
	$(BIN)/python bench/check.py

clean:
	cargo clean
	rm -rf $(VENV) $(SPARK)
