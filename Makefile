# The same targets at a desk and in CI (.ci/run). interop, race and stress need a C compiler;
# interop and compare need libzmq3-dev, and python3-zmq for the tests from a shell.

GO          ?= go
FUZZTIME    ?= 3s
SOAK        ?= 15s
INTEROPTIME ?= 5m
STATICCHECK  = $(GO) tool -modfile=tools/go.mod staticcheck

.PHONY: all build test fmt vet lint imports race soak fuzz cross interop demo stress bench compare

all: fmt vet lint imports test

build:
	$(GO) build ./...

test:
	$(GO) test ./...

fmt:
	@out=$$(gofmt -l .); if [ -n "$$out" ]; then echo "gofmt is needed for:"; echo "$$out"; exit 1; fi

vet:
	$(GO) vet ./...

lint:
	$(STATICCHECK) ./...

imports:
	$(GO) test -count=1 ./internal/imports

race:
	$(GO) test -race -shuffle=on -cpu=2 ./...

# soak runs a reactor whose sources come, go and end at random, for $(SOAK).
soak:
	ZMQBUS_SOAK=$(SOAK) $(GO) test -race -count=1 -v -run '^TestSoak$$' ./reactor

fuzz:
	GO=$(GO) FUZZTIME=$(FUZZTIME) bash tools/fuzz.sh

cross:
	@for os in linux darwin windows freebsd; do \
	  echo "$$os: build and vet"; \
	  CGO_ENABLED=0 GOOS=$$os $(GO) build ./... && CGO_ENABLED=0 GOOS=$$os $(GO) vet ./... || exit 1; \
	done

interop:
	cd interop && $(GO) vet ./... && $(GO) tool -modfile=../tools/go.mod staticcheck ./...
	cd interop && $(GO) test -count=1 -timeout $(INTEROPTIME) ./...

demo:
	$(GO) run ./cmd/zmqbus demo

stress:
	$(GO) test -race -shuffle=on -count=5 -cpu=1,2,4 -timeout 60m ./...
	$(MAKE) soak SOAK=60s

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...

compare:
	cd interop && $(GO) run ./compare $(COMPAREFLAGS)
