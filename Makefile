# Each command sets up its own environment; it needs only Python 3.11 or newer and pip.
PYTHON ?= python3

.PHONY: help demo test check docs desktop test-desktop qgis-plugin test-qgis test-old-onnxruntime clean

help:
	@echo "make demo    draw a scene, map it with the bundled model, score the map; map a real image (installs the base part and OpenCV, no torch)"
	@echo "make test    the whole test suite (installs everything)"
	@echo "make check   format, lint, types, imports, then the tests"
	@echo "make docs    build the pages of docs/ into site/ (installs the base part and mkdocs)"
	@echo "make desktop       the program for machines without Python, into dist/ (installs the base part, the app and PyInstaller)"
	@echo "make test-desktop  the built program on a virtual screen, without Python (needs xvfb and chromium)"
	@echo "make qgis-plugin   zip the plugin for QGIS into build/"
	@echo "make test-qgis     the plugin in a real QGIS, which must be installed (1.2 GB)"
	@echo "make test-old-onnxruntime   models in the ONNX Runtime 1.17.0 of Deepness"
	@echo "make clean   remove the environments, the built pages, and the output of the demo"

demo: .venv-demo/.ready
	.venv-demo/bin/smalti demo

test: .venv/.ready
	@.venv/bin/python -m pytest -n logical --maxprocesses 8 --dist loadscope

check: .venv/.ready
	@PYTHON=.venv/bin/python tools/check

docs: .venv-docs/.ready
	@NO_MKDOCS_2_WARNING=1 .venv-docs/bin/python -m mkdocs build --strict --quiet
	@echo "site/index.html"

desktop:
	@PYTHON=$(PYTHON) packaging/build

test-desktop: .venv/.ready
	@.venv/bin/python -m pytest -vv -s packaging/test_desktop.py

qgis-plugin:
	@$(PYTHON) tools/qgis_plugin.py

test-qgis: .venv/.ready
	@.venv/bin/python -m pytest -vv --timeout=1200 qgis/tests

# That of Deepness, for Python 3.8 to 3.12.
test-old-onnxruntime: .venv/.ready .venv-old-onnxruntime/.ready
	@SMALTI_OLD_ONNXRUNTIME=$(CURDIR)/.venv-old-onnxruntime/bin/python .venv/bin/python -m pytest -vv \
		tests/runtime/test_old_onnxruntime.py tests/deploy/targets/test_deepness.py

# A stamp that is older than the list of packages makes its environment again.
.venv-demo/.ready: pyproject.toml constraints.txt
	@PYTHON=$(PYTHON) tools/venv .venv-demo '.[draw]'

.venv-docs/.ready: pyproject.toml constraints.txt
	@PYTHON=$(PYTHON) tools/venv .venv-docs '.[docs]'

.venv-old-onnxruntime/.ready:
	@$(PYTHON) -m venv --clear .venv-old-onnxruntime
	@.venv-old-onnxruntime/bin/python -m pip install --quiet --disable-pip-version-check onnxruntime==1.17.0 'numpy<2'
	@touch $@

.venv/.ready: pyproject.toml constraints.txt
	@PYTHON=$(PYTHON) tools/venv .venv '.[dev]'

clean:
	rm -rf .venv .venv-demo .venv-old-onnxruntime .venv-desktop .venv-docs build/desktop demo dist site
