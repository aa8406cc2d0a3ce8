# `make demo` and `make test` need nothing but Python >= 3.10: they make a virtual environment in .venv and install into it.
.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= python3# the interpreter that .venv is made with
VENV ?= .venv
DEMO ?= outputs/demo# where make demo writes
TORCH_INDEX ?=# another index for torch, such as https://download.pytorch.org/whl/cpu: 1.6 GB instead of more than 5 on Linux
BIN := $(VENV)/bin

.PHONY: help
help: ## show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/.ready ## make a clip with known masks, follow its object, score the result
	$(BIN)/python tools/render/demo_clip.py $(DEMO)
	$(BIN)/python -m vos.run video=$(DEMO)/clip.mp4 ref_mask=$(DEMO)/masks/00000.png output_dir=$(DEMO)/result overwrite=true
	@echo
	@$(BIN)/python tools/report/score_demo.py $(DEMO)

.PHONY: test
test: $(VENV)/.ready-dev ## run the tests
	$(BIN)/python -m pytest

.PHONY: coverage
coverage: $(VENV)/.ready-dev ## run the tests and list the lines that none of them reaches
	$(BIN)/python -m pytest --cov=vos --cov-report=term-missing:skip-covered

DATA ?= data# folder with davis16, multi, perseg_mini, segments, backbone; what is missing is left out

.PHONY: nano-report
nano-report: $(VENV)/.ready-dev ## measure the embedded model on DATA=folder, into docs/nano
	$(BIN)/python tools/report/nano_report.py $(DATA) --out docs/nano

.PHONY: calibrate
calibrate: $(VENV)/.ready ## fit what ranks the frames to look at first, doubts about first masks and presence in photos, to DATA=folder, an hour
	$(BIN)/python tools/calibrate/frames_to_check.py $(DATA)
	$(BIN)/python tools/calibrate/first_mask_doubts.py $(DATA)
	$(BIN)/python tools/calibrate/presence.py $(DATA) --set runs/calibration/occlusion_set

.PHONY: train
train: $(VENV)/.ready-dev ## train a small embedded model in minutes on DATA=folder
	$(BIN)/python tools/train/train.py tracking --data $(DATA)/segments --backbone $(DATA)/backbone/mobilenet_v2_100_imagenet.npz \
		--out runs/small --size 128 --scenes 2 --objects 2 --steps 150 --decay 75

.PHONY: lint
lint: $(VENV)/.ready-dev ## style of the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: types
types: $(VENV)/.ready-dev ## type hints
	$(BIN)/python -m mypy

.PHONY: check
check: lint types test ## everything that CI runs

.PHONY: docs
docs: $(VENV)/.ready ## write the pages of options, of figures and of Python: docs/options.md, benchmarks.md, speed.md, clicks.md, mattes.md, scale.md, frames_to_check.md, presence.md, api.md
	$(BIN)/python tools/docs/options_page.py docs/options.md
	$(BIN)/python tools/docs/benchmarks_page.py docs
	$(BIN)/python tools/docs/speed_page.py docs
	$(BIN)/python tools/docs/clicks_page.py docs
	$(BIN)/python tools/docs/mattes_page.py docs
	$(BIN)/python tools/docs/scale_page.py docs
	$(BIN)/python tools/docs/frames_page.py docs/frames_to_check.md
	$(BIN)/python tools/docs/presence_page.py docs/presence.md
	$(BIN)/python tools/docs/api_page.py docs/api.md

bench.reference ?=# checkout of the published code, Personalize-SAM, to be measured beside ours
bench.cases ?=# beginnings of names, such as vit_t-1 nano-3-1080p; none = all
bench.minutes ?=# begin no further run after so long; the same command goes on from there

.PHONY: bench
bench: $(VENV)/.ready ## measure speed and memory beside the published code, bench.reference=folder, into docs/speed.csv
	$(BIN)/python benchmarks/speed.py $(if $(bench.reference),--reference $(bench.reference)) \
		$(if $(bench.cases),--cases $(bench.cases)) $(if $(bench.minutes),--minutes $(bench.minutes)) --write

.PHONY: clean
clean: ## remove the environment and caches, keep outputs
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage dist

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo "error: $(PYTHON) is older than 3.10; name another one: make PYTHON=python3.11 ..." >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "error: $(PYTHON) has no venv module; on Debian and Ubuntu: apt install python3-venv" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

# Reinstalled when the metadata changes; the sources themselves are used in place. torch comes first and alone where it
# has an index of its own: what it needs comes from the usual one, with the rest.
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
TORCH = $(if $(TORCH_INDEX),$(PIP) --no-deps --index-url $(TORCH_INDEX) torch)
METADATA = setup.cfg pyproject.toml constraints.txt

$(VENV)/.ready: $(BIN)/python $(METADATA)
	@echo "installing into $(VENV), which takes a few minutes the first time ..."
	@$(TORCH)
	@$(PIP) --editable '.[decord,openvino,app]'
	@touch $@

$(VENV)/.ready-dev: $(BIN)/python $(METADATA)
	@echo "installing into $(VENV), which takes a few minutes the first time ..."
	@$(TORCH)
	@$(PIP) --editable '.[decord,openvino,app,exr,heif,test,test-forms,test-browser,dev]'
	@$(PIP) --no-deps trackeval
	@touch $@ $(VENV)/.ready
