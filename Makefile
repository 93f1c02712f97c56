# Each target makes its own .venv when it is missing. Nothing else is needed but Python 3.11+.
PYTHON ?= python3
BIN := .venv/bin
DONE := .venv/installed
MUSIC ?= demo/music
DATA ?=
# Workers of the test suite; tests start processes of their own besides.
WORKERS ?= 2
N ?= 150
SEED ?= 0
IN ?=

.PHONY: demo test test-slow test-data mutants bench lint format tree types floors bandit audit docs clean

demo: $(DONE)
	$(BIN)/spdkit demo demo

test: $(DONE)
	$(BIN)/pytest -n $(WORKERS)

test-slow: $(DONE)
	$(BIN)/pytest -n $(WORKERS) -m slow

# Real music and published tables: make test-data MUSIC=~/music DATA=~/tables
test-data: $(DONE)
	SPDKIT_MUSIC="$(MUSIC)" SPDKIT_DATA="$(DATA)" $(BIN)/pytest -m data

# Single changes to the code that the tests should notice: make mutants N=40 SEED=1 IN=spdkit/store
mutants: .venv/mutants
	$(BIN)/python tests/mutants --number $(N) --seed $(SEED) --workers $(WORKERS) $(IN)

# make bench MUSIC=~/music (30 s or longer, any format)
bench: $(DONE)
	$(BIN)/python benchmarks/extraction/audio.py "$(MUSIC)"

lint: types floors bandit
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(DONE)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# mypy and import-linter cannot follow package_dir: they see the packages through a tree of links.
tree: $(DONE)
	rm -rf build/tree && mkdir -p build/tree/spdkit
	ln -s "$(CURDIR)"/spdkit/* "$(CURDIR)/extractors" "$(CURDIR)/nets" build/tree/spdkit/
	ln -s "$(CURDIR)/benchmarks" build/tree/

types: tree
	MYPYPATH=build/tree $(BIN)/mypy -p spdkit

# Who may import whom: the contracts in pyproject.toml.
floors: tree
	cd build/tree && "$(CURDIR)/$(BIN)/lint-imports" --no-cache --no-logo ../../pyproject.toml

# What is known to be unsafe in Python; what is answered is in pyproject.toml, or says nosec and why.
bandit: $(DONE)
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml spdkit extractors nets benchmarks

# Published vulnerabilities of the versions that CI installs; asks a database on the internet.
audit:
	$(PYTHON) -m venv build/audit
	build/audit/bin/pip install --quiet --disable-pip-version-check 'pip-audit>=2.9'
	build/audit/bin/pip-audit -s osv --no-deps --disable-pip -r constraints.txt

docs: tree
	$(BIN)/python -m spdkit.extractors.documentation > docs/FEATURES.md
	$(BIN)/python docs/architecture.py build/tree
	$(BIN)/python tests/test_interface.py

clean:
	rm -rf .venv .venv-wheel build dist demo *.egg-info

$(DONE): setup.cfg pyproject.toml constraints.txt
	@echo "setting up .venv (one or two minutes, once)"
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(DONE)

.venv/mutants: $(DONE)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[mutants]'
	touch .venv/mutants
