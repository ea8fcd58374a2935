# labelgate: one line a target; `make help` reads the text behind `##`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LS := .labelstudio
INSTALLED_FROM := pyproject.toml hatch_build.py gateway/stores/pachyderm/pfs.proto $(wildcard constraints.txt)
READY := $(VENV)/.ready-$(shell cat $(INSTALLED_FROM) | cksum | cut -d' ' -f1)
TESTS ?= tests
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(READY) labelstudio ## The main job: the gateway and a real Label Studio, wired together on the sentiment example
	@$(BIN)/python -m scripts.demo

.PHONY: run
run: $(READY) ## Start just the gateway and print what to paste into Label Studio
	@$(BIN)/labelgate serve

.PHONY: test
test: setup-test ## Set up what tests need and pass them all
	$(BIN)/python -m pytest $(TESTS)

.PHONY: setup-test
setup-test: $(READY) labelstudio pachyderm-clients quick-clients croissant mlflow retrain browser ## Set up what tests need: environment, Label Studio, clients, mlcroissant, MLflow, scikit-learn, Chromium

.PHONY: check
check: $(READY) ## Lint, formatting, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m scripts.pages --check

.PHONY: pages
pages: $(READY) ## Write the generated pages of docs/ anew
	$(BIN)/python -m scripts.pages

.PHONY: labelstudio
labelstudio: $(READY) ## Install a real Label Studio into an environment of its own (.labelstudio/)
	@$(BIN)/python -m scripts.labelstudio_env

.PHONY: pachyderm-clients
pachyderm-clients: $(READY) ## Install Pachyderm's Python clients into environments of their own (.pachyderm/)
	@$(BIN)/python -m scripts.pachyderm_clients

.PHONY: croissant
croissant: $(READY) ## Install mlcroissant, which judges our dataset descriptions, into .croissant/
	@$(BIN)/python -m scripts.croissant_env

.PHONY: mlflow
mlflow: $(READY) ## Install MLflow, which runs the recipe of docs/mlflow.md, into .mlflow/
	@$(BIN)/python -m scripts.mlflow_env

.PHONY: quick-clients
quick-clients: $(READY) ## Install S3 clients of Python and JavaScript into .clients/
	@$(BIN)/python -m scripts.clients python javascript

.PHONY: retrain
retrain: $(READY) ## Install what examples/retrain trains with into .retrain/
	@$(BIN)/python -m scripts.retrain_env

.PHONY: demo-retrain
demo-retrain: $(READY) labelstudio retrain ## Labels land, a model is trained, and it leads back to the raw texts: with a real Label Studio
	@$(BIN)/python -m scripts.demo_retrain

.PHONY: clients
clients: $(READY) pachyderm-clients ## Build S3 clients of every language in .clients/ and run them all
	@$(BIN)/python -m scripts.clients
	$(BIN)/python -m pytest tests/clients

.PHONY: conformance
conformance: $(READY) ## Ceph's s3-tests by area, beside what passed before: LABELGATE_S3TESTS=checkout, UPDATE=1
	@$(BIN)/python -m scripts.conformance $(if $(UPDATE),--update)

.PHONY: bench-pachyderm
bench-pachyderm: $(READY) ## Ours beside Pachyderm's own S3 gateway: OURS=http://... PEER=http://... on one pachd
	$(BIN)/python -m bench.pachyderm --ours $(OURS) --peer $(PEER)

.PHONY: bench-lineage
bench-lineage: $(READY) ## What lineage costs a PUT, and how fast its index answers: RECORDS=1000000
	$(BIN)/python -m bench.lineage $(if $(RECORDS),--records $(RECORDS))

.PHONY: bench-versions
bench-versions: $(READY) ## What branch, tag, diff and promote cost at 1,000 to 1,000,000 objects
	$(BIN)/python -m bench.versions

.PHONY: browser
browser: ## Install Chromium for the browser test (apt, needs root or sudo)
	@bash scripts/install-chromium.sh

.PHONY: lock
lock: ## Pin what is installed now in constraints.txt (names no registry)
	$(BIN)/python -m pip freeze --exclude-editable --exclude labelgate \
	  | grep -E '^[A-Za-z0-9._-]+==' | sort -f > constraints.txt

.PHONY: clean
clean: ## Remove the environments and the demo's data
	rm -rf $(VENV) $(LS) .pachyderm .s3tests .clients .croissant .mlflow .retrain .demo

$(READY): $(INSTALLED_FROM)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "labelgate needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[pachyderm]' --group test --group check
	@rm -f $(VENV)/.ready-* && touch $@
