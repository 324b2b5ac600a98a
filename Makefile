# make test   everything that CI runs; installs what it lacks and says so
# make check  the fast inner loop: format, vet, lint, unit tests
# make build  the binary, in dist/
# make pages  builds web/dist, the embedded pages, from their sources
# make bench  the benchmarks that docs/benchmarks.md quotes
# make lab    the whole system on networks of its own, in browsers (lab/README.md)
# make firmware       the firmware as a program of this machine (firmware/firmware.mk)
# make cross  builds for every platform that we ship to

GO ?= go
# Each fuzz target runs for FUZZ_TIME beyond its corpus.
FUZZ_TIME ?= 5s
# RUNS is how many random stories the whole-system property test plays, KILLS how
# many of them kill a real server process.
RUNS ?= 1000
KILLS ?= 100
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
PLATFORMS = linux/amd64 linux/arm64 linux/arm darwin/amd64 darwin/arm64 windows/amd64
# Node.js of the project's own, where the machine's is missing or too old.
export PATH := $(CURDIR)/.node/node_modules/.bin:$(PATH)
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

.PHONY: test check build pages bench format vet lint unit web race story npm node web-packages fuzz cross

test: format vet lint npm web race story lab fuzz cross firmware-test lab-firmware

check: format vet lint unit

format:
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "not formatted; run gofmt -w on: $$unformatted"; exit 1; }

vet:
	$(GO) vet ./...

lint:
	$(GO) run $(STATICCHECK) ./...

unit:
	$(GO) test -short ./...

# The short stories, under the race detector; make story plays the long ones.
race:
	$(GO) test -race -short ./...

story: npm
	$(GO) test ./story -count=1 -timeout 30m -runs $(RUNS) -kills $(KILLS)

# The pages' types, their unit tests, and whether the committed bundle is what the
# sources make: then Go alone builds the program.
web: web-packages
	cd web && npx openapi-typescript ../cloud/api/testdata/openapi.json -o node_modules/.schema.d.ts >/dev/null && cmp node_modules/.schema.d.ts src/api/schema.d.ts || { echo "web/src/api/schema.d.ts is not what the API's description makes; run: cd web && npm run types"; exit 1; }
	cd web && npm run --silent check && npm test --silent
	cd web && npm run --silent build -- --logLevel warn --outDir node_modules/.built && diff -r node_modules/.built dist || { echo "web/dist is not what web/src makes; run make pages and commit it"; exit 1; }

pages: web-packages
	cd web && npm run --silent build

# packages installs what a folder's lock file pins, once.
define packages
	@if ! cmp -s $(1)/package-lock.json $(1)/node_modules/.package-lock.source; then \
	  echo "Installing npm packages as $(1)/package-lock.json pins them: $(2)."; \
	  (cd $(1) && npm ci --no-audit --no-fund --loglevel error && cp package-lock.json node_modules/.package-lock.source); \
	fi
endef

web-packages: node
	$(call packages,web,the pages are checked and built with them)

# A device client that we did not write, for the compatibility test.
npm: node
	$(call packages,story/npm,the published blynk-library runs in the compatibility test)

# Vite needs Node.js 20.19.
node:
	@if ! command -v npm >/dev/null; then \
	  echo "Node.js is missing: the pages and the compatibility test need it. Installing Debian's nodejs and npm."; \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends nodejs npm; \
	fi
	@if ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || a === 20 && b >= 19 ? 0 : 1)'; then \
	  echo "Node.js $$(node --version) is too old to build the pages. Installing a newer one from npm, into .node."; \
	  npm install --prefix .node --no-audit --no-fund --no-save node@22.23.3; \
	fi

fuzz:
	@set -e; for package in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz' || :); do \
	    echo "fuzz $$package $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ_TIME) $$package; \
	  done; \
	done

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o dist/tendril ./cmd/tendril

# The parts first, then the whole system, which fails beyond its limits. The load
# wants a machine that does nothing else.
bench:
	$(GO) test -run '^$$' -bench . -benchmem $$($(GO) list ./... | grep -v '/bench$$')
	$(GO) test -run '^$$' -bench . -timeout 30m ./bench

cross:
	@set -e; for platform in $(PLATFORMS); do \
	  echo "build $$platform"; \
	  CGO_ENABLED=0 GOOS=$${platform%/*} GOARCH=$${platform#*/} GOARM=6 $(GO) build -o /dev/null ./cmd/tendril; \
	done

include lab/lab.mk
include firmware/firmware.mk
