# Every target works on a fresh clone with only Go, gcc, git and make.
GO ?= go

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build the tool to bin/kith
	$(GO) build -o bin/kith ./cmd/kith

.PHONY: test
test: ## test all modules, conformance with go-ethereum's peers and test tool included
	$(GO) test ./...
	$(GO) test -tags purego ./internal/keccakf ./secp
	cd interop && $(GO) test ./...

.PHONY: test-libsecp256k1
test-libsecp256k1: ## test what signs with the system's libsecp256k1 (Debian: libsecp256k1-dev)
	$(GO) test -short -tags libsecp256k1 $$($(GO) list ./... | grep -v /sim)

# Packages that start no goroutine: internal/tidy holds the machines to it.
ALONE = kad|discv4|discv5|discmux|peering|rlp|secp|tidy
# Tests of worlds with several workers, and of protocols, which are coroutines: what others
# simulate is one thread's.
WORKERS = TestRulesHold|TestReplay|TestPeersReplay|TestTogether|TestSameEverywhere/every-draw|TestProtocol$$|TestProtocolPanics
.PHONY: race
race: ## test what has goroutines under the race detector
	$(GO) test -race -short -tags '$(TAGS)' $$($(GO) list ./... | grep -vE '/($(ALONE))$$|/sim(/|$$)')
	$(GO) test -race -short -tags '$(TAGS)' -run '$(WORKERS)' ./sim/...

.PHONY: lint
lint: ## formatting, vet on all platforms that differ, staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo 'run: gofmt -w .'; exit 1; }
	$(GO) vet ./...
	cd interop && $(GO) vet ./...
	GOOS=darwin CGO_ENABLED=0 $(GO) vet ./...
	GOOS=windows CGO_ENABLED=0 $(GO) vet ./...
	GOOS=linux GOARCH=386 CGO_ENABLED=0 $(GO) vet ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

FUZZTIME ?= 20s
.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (20s, or a count like 1000x)
	@for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "== $$pkg $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$pkg || exit 1; \
		done; \
	done

.PHONY: bench
bench: ## run the benchmarks
	$(GO) test -run '^$$' -bench . -benchmem ./...

.PHONY: compare
compare: ## the same work beside go-ethereum, as Markdown tables (needs libsecp256k1-dev for the second)
	cd interop && CGO_ENABLED=0 $(GO) run ./compare
	cd interop && CGO_ENABLED=1 $(GO) run -tags libsecp256k1 ./compare

.PHONY: sim
sim: ## every simulated network at a small size, and 20 random seeds
	$(GO) run ./cmd/kith sim check

.PHONY: devnet
devnet: ## 32 real nodes on this machine that find each other
	$(GO) run ./cmd/kith devnet
