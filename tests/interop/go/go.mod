module treering.example/interop

go 1.26.0

require (
	filippo.io/torchwood v0.9.1-0.20260706112420-c22a68158d96
	github.com/fxamacker/cbor/v2 v2.10.0
	github.com/transparency-dev/formats v0.1.1
	golang.org/x/mod v0.43.0
)

require (
	filippo.io/mldsa v0.0.0-20260215214346-43d0283efc3e // indirect
	github.com/x448/float16 v0.8.4 // indirect
	golang.org/x/crypto v0.53.0 // indirect
	golang.org/x/net v0.55.0 // indirect
	golang.org/x/sync v0.21.0 // indirect
	golang.org/x/text v0.38.0 // indirect
)

tool filippo.io/torchwood/cmd/litebastion
