# Each command does its own set-up on a fresh machine: Python 3.11 or newer and pip are all it needs.
PYTHON ?= python3

.PHONY: help demo test check clean

help:
	@echo "make demo    draw a scene, map it with the bundled model, score the map (installs the base part, no torch)"
	@echo "make test    the whole test suite (installs everything)"
	@echo "make check   format, lint, types, imports, then the tests"
	@echo "make clean   remove both environments and what the demo wrote"

demo: .venv-demo/.ready
	.venv-demo/bin/smalti demo

test: .venv/.ready
	@.venv/bin/python -m pytest -n logical --maxprocesses 8 --dist loadscope

check: .venv/.ready
	@PYTHON=.venv/bin/python tools/check

# The stamps are newer than what decides about the packages: make again when it changes, else use what is there.
.venv-demo/.ready: pyproject.toml constraints.txt
	@PYTHON=$(PYTHON) tools/venv .venv-demo .

.venv/.ready: pyproject.toml constraints.txt
	@PYTHON=$(PYTHON) tools/venv .venv '.[dev]'

clean:
	rm -rf .venv .venv-demo demo
