# `make` lists the targets. PY is the Python (3.11 to 3.13) of the environments; `make build` looks for its own.
PY ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
SAM_VERSION := 1.170.0
SDK_VERSION := 1.8.3
ROBOFLOW_VERSION := 1.7.3
AXIOS_VERSION := 1.21.1
HEADLESS := opencv-python-headless==4.12.0.88

STAGE ?= dev
RUNTIME ?=
ARCHITECTURE ?= x86_64
PARAMETERS ?=
MODEL ?=
FILE ?=
DOCKER ?= docker
IMAGE ?= retinue-batch

PIP := -m pip install --quiet --disable-pip-version-check
VENV = $(or $(PY),$(error No Python 3.11, 3.12 or 3.13 found; name one: make PY=/path/to/python)) -m venv
SAM := .venv-sam/bin/sam
SAM_STAMP := .venv-sam/.aws-sam-cli-$(SAM_VERSION)
CLIENTS_STAMP := .venv-clients/.inference-sdk-$(SDK_VERSION)-roboflow-$(ROBOFLOW_VERSION)
AXIOS_STAMP := .venv-clients/.axios-$(AXIOS_VERSION)

export SAM_CLI_TELEMETRY := 0

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup run demo test test-unit test-stack lint fix types build size image image-gpu openapi \
	bench validate deploy publish clean pr

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.local ## create .venv with what `make run` and `make demo` need
	@echo "Ready: make demo, make run"

run: .venv/.local ## serve the stack on http://localhost:9001, without an account
	.venv/bin/python -m local run

demo: .venv/.local ## serve it with sample models, send pictures, show what comes back
	.venv/bin/python -m local demo

test: lint types test-unit build test-stack ## everything: lint, types, unit, contract, template, build, size, stack

test-unit: .venv/.dev $(CLIENTS_STAMP) $(AXIOS_STAMP) ## unit, contract, template and recorded parity tests
	RETINUE_CLIENTS_PYTHON=$(CURDIR)/.venv-clients/bin/python \
	RETINUE_CLIENTS_NODE_MODULES=$(CURDIR)/.venv-clients/node_modules \
	.venv/bin/python -m pytest tests/unit tests/contract tests/template tests/parity

test-stack: .venv/.dev ## tests of the built layers and functions in real runtime processes (after `make build`)
	.venv/bin/python -m pytest tests/stack

lint: .venv/.dev ## check style, change nothing
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

fix: .venv/.dev ## repair style
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

types: .venv/.dev ## check types
	.venv/bin/mypy

build: $(SAM_STAMP) ## build the layers for the newest Python found, or RUNTIME=python3.11, ARCHITECTURE=arm64
	.venv-sam/bin/python tools/build.py $(if $(RUNTIME),--runtime $(RUNTIME)) --architecture $(ARCHITECTURE)
	@$(MAKE) --no-print-directory size

size: $(SAM_STAMP) ## unpacked size of the built layers by package; fails above the budget
	@.venv-sam/bin/python tools/layer_size.py

openapi: .venv/.dev ## write the OpenAPI document that /openapi.json serves
	.venv/bin/python -m tools.write_openapi

image: ## build the container of jobs, for processors; functions/batch/README.md says how to push it
	$(DOCKER) build --file functions/batch/Dockerfile --target cpu --tag $(IMAGE):cpu .

image-gpu: ## the same for GPUs
	$(DOCKER) build --file functions/batch/Dockerfile --target gpu --tag $(IMAGE):gpu .

bench: .venv/.bench build ## measure what the README's figures say
	.venv/bin/python -m bench

validate: $(SAM_STAMP) ## check the template
	$(SAM) validate --lint

deploy: build ## deploy to your AWS account: STAGE=dev|prod, PARAMETERS="Name=value ..."
	$(SAM) deploy --config-env $(STAGE) --parameter-overrides $$(cat .aws-sam/parameters) $(PARAMETERS)

publish: .venv/.local ## publish a model: MODEL=project/version FILE=model.onnx
	.venv/bin/retinue publish $(MODEL) $(FILE)

clean: ## remove environments, builds and caches
	rm -rf .aws-sam .venv .venv-sam .venv-clients .mypy_cache .pytest_cache .ruff_cache

pr: test ## what CI runs, in its order

# ---------------------------------------------------------------- environments, each with a stamp of what it holds

# Debian's venv leaves half an environment behind where ensurepip is missing.
.venv/bin/python:
	$(VENV) .venv || (rm -rf .venv; exit 1)

.venv/.local .venv/.dev .venv/.bench: .venv/.%: pyproject.toml | .venv/bin/python
	@echo "Installing retinue[$*] into .venv"
	@.venv/bin/python $(PIP) --editable '.[$*]'
	@touch $@

# A newer pip than the system's: it resolves wheels for other Python versions than its own.
$(SAM_STAMP):
	@echo "Installing aws-sam-cli $(SAM_VERSION) into .venv-sam (1 to 3 minutes, once)"
	@rm -rf .venv-sam && $(VENV) .venv-sam && .venv-sam/bin/python $(PIP) pip==26.3
	@.venv-sam/bin/python $(PIP) aws-sam-cli==$(SAM_VERSION) && touch $@

# The published clients pin numpy and pillow below ours, so they live apart; contract tests start them as a process.
# They ask for the OpenCV that needs a desktop's libraries (libGL); the headless one is the same module without windows.
$(CLIENTS_STAMP):
	@echo "Installing inference-sdk $(SDK_VERSION) and roboflow $(ROBOFLOW_VERSION) into .venv-clients (1 to 3 minutes, once)"
	@rm -rf .venv-clients && $(VENV) .venv-clients && .venv-clients/bin/python $(PIP) inference-sdk==$(SDK_VERSION) roboflow==$(ROBOFLOW_VERSION)
	@.venv-clients/bin/python -m pip uninstall --quiet --yes opencv-python
	@.venv-clients/bin/python $(PIP) $(HEADLESS) && touch $@

# Without Node, or without its registry, the test of axios is skipped and says so.
$(AXIOS_STAMP): $(CLIENTS_STAMP)
	@if command -v npm >/dev/null && npm install --silent --no-audit --no-fund --fetch-retries 1 --fetch-timeout 20000 --prefix .venv-clients axios@$(AXIOS_VERSION); \
	then touch $@; else echo "axios is not installed: its test is skipped"; fi
