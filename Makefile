.DEFAULT_GOAL := help
SHELL := /bin/bash
LAMBDA_BUILD := CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go build -tags lambda.norpc -trimpath -ldflags "-s -w -buildid="

# What a function may have, in bytes: a cold start loads and initializes all of it.
LAMBDA_LIMIT := 15000000

.PHONY: help
help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: demo
demo: ## watch six simulated deployments; needs only Go
	go run ./cmd/stackgate demo

.PHONY: build
build: ## build the command line into bin/
	go build -trimpath -o bin/stackgate ./cmd/stackgate

.PHONY: lambdas
lambdas: ## build the Lambda functions for linux/arm64 into build/lambda/
	$(LAMBDA_BUILD) -o build/lambda/changeset/bootstrap ./lambdas/changeset
	$(LAMBDA_BUILD) -o build/lambda/events/bootstrap ./lambdas/events
	$(LAMBDA_BUILD) -o build/lambda/review/bootstrap ./lambdas/review
	@for file in build/lambda/*/bootstrap; do \
	  size=$$(wc -c <$$file); if [ $$size -ge $(LAMBDA_LIMIT) ]; then echo "$$file has $$size bytes, and may have $(LAMBDA_LIMIT): see what is linked with go tool nm -size"; exit 1; fi; done

.PHONY: check
check: ## formatting, go vet and staticcheck
	@unformatted="$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go'))"; if [ -n "$$unformatted" ]; then echo "gofmt: $$unformatted"; exit 1; fi
	go vet ./...
	go tool staticcheck ./...

.PHONY: test
test: ## every test, and the Lambda builds
	go test ./...
	$(MAKE) --no-print-directory lambdas

.PHONY: synth
synth: lambdas ## synthesize the installation and check it; needs Node.js and Python besides Go
	infra/synth.sh

.PHONY: interop
interop: ## against somebody else's emulator and interpreter; installs Python packages below ~/.cache/stackgate
	test/interop/run.sh

.PHONY: test-fast
test-fast: ## the inner loop
	go test ./internal/... ./tasks/... ./cmd/...

.PHONY: race
race: ## every test under the race detector
	go test -race ./...

.PHONY: fuzz
fuzz: ## each fuzz test for ten seconds
	@set -e; for package in $$(go list ./...); do \
	  for name in $$(go test -list '^Fuzz' $$package | grep '^Fuzz' || true); do echo "$$package $$name"; go test -run '^$$' -fuzz "^$$name$$" -fuzztime 10s $$package; done; done

.PHONY: bench
bench: ## the benchmarks that docs/performance.md reports
	go test -run '^$$' -bench . -benchmem ./internal/asl ./internal/local ./internal/cfnsim ./internal/tail ./internal/cfn ./internal/render/... ./internal/service

.PHONY: golden
golden: ## rewrite golden files and generated documents; read the diff
	go test ./internal/... -update || true
	go test ./docs/schema -update || true
	go test ./infra -run 'TestTemplates|TestCost' -update
	go test ./statemachines -write
