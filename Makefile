# Two commands do everything on a fresh machine with Python 3.11 or newer: `make run` and `make test`.
VENV := .venv
PORT ?= 8000
DATA_DIR ?= var
TESTS ?= tests
WORKERS ?= auto

.PHONY: run test lint bench pages lock catalogs clean

run:
	@sh infra/install.sh $(VENV) --editable
	@exec $(VENV)/bin/trilend up --port $(PORT) --data-dir $(DATA_DIR) --demo

test:
	@sh infra/install.sh $(VENV) --editable --with test
	@sh infra/test-tools.sh
	$(VENV)/bin/python -m pytest -n $(WORKERS) --dist loadgroup $(TESTS)

lint:
	@sh infra/install.sh $(VENV) --editable --with test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

bench:
	@sh infra/install.sh $(VENV) --editable --with bench
	$(VENV)/bin/python -m tests.benchmarks

# Every page in every language and width, where the suite looks at each page once.
pages:
	@sh infra/install.sh $(VENV) --editable --with test
	@sh infra/test-tools.sh
	TRILEND_WHOLE_PRODUCT=1 $(VENV)/bin/python -m pytest -n 0 tests/browser/test_what_every_page_holds.py

lock:
	@sh infra/install.sh $(VENV) --editable --with bench
	@for name in run test bench; do \
	  $(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    --no-emit-index-url --no-emit-find-links requirements/$$name.in -o requirements/$$name.txt || exit 1; \
	done

catalogs:
	$(VENV)/bin/python -m trilend.web.catalogs update

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis tests/artifacts
