// torchwood POLICY URL TOKEN has filippo.io/torchwood read a log and verify a receipt or token of it (its log half).
//
// POLICY names Ed25519 witnesses only: this version of torchwood knows no others.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"

	"filippo.io/torchwood"
	"github.com/fxamacker/cbor/v2"
	"golang.org/x/mod/sumdb/tlog"
	"treering.example/interop/view"
)

func main() {
	policy := view.Must(torchwood.ParsePolicy(view.Must(os.ReadFile(os.Args[1]))))
	url, token := os.Args[2], view.Must(os.ReadFile(os.Args[3]))

	// The whole log, by its own client.
	text, _ := view.Get(url, "/checkpoint")
	checkpoint, _, err := torchwood.VerifyCheckpoint(text, policy)
	view.Must(checkpoint, err)
	client := view.Must(torchwood.NewClient(view.Must(torchwood.NewTileFetcher(url)), torchwood.WithCutEntry(cut)))
	entries := make(map[string]bool)
	for _, entry := range client.AllEntries(context.Background(), checkpoint.Tree, 0) {
		entries[string(entry)] = true
	}
	if err := client.Err(); err != nil || int64(len(entries)) != checkpoint.N {
		log.Fatalf("%d of %d entries: %v", len(entries), checkpoint.N, err)
	}
	other := checkpoint.Tree
	other.Hash = tlog.Hash(view.Flip(other.Hash[:], 0))
	for range client.AllEntries(context.Background(), other, 0) {
		log.Fatal("entries were taken under another root")
	}
	view.Refused("another root", client.Err())

	// The token's log half. The entry stands in the extra data, which torchwood leaves to the application.
	var extra struct {
		Entry []byte `cbor:"1,keyasint"`
	}
	view.Must(0, cbor.Unmarshal(view.Must(torchwood.ProofExtraData(token)), &extra))
	view.Must(0, torchwood.VerifyProof(policy, tlog.RecordHash(extra.Entry), token))
	if !entries[string(extra.Entry)] {
		log.Fatal("the token's entry is not in the log")
	}
	var refused *torchwood.VerifyRecordError
	if err := torchwood.VerifyProof(policy, tlog.RecordHash(extra.Entry[1:]), token); !errors.As(err, &refused) {
		log.Fatalf("another entry: %v", err)
	}
	signed := strings.Index(string(token), "\n\n") + 2
	view.Refused("a token with another origin", torchwood.VerifyProof(policy, tlog.RecordHash(extra.Entry), view.Flip(token, signed)))
	cosigned := bytes.LastIndex(token, []byte("\n\n"))
	firstLine := cosigned + 2 + bytes.IndexByte(token[cosigned+2:], '\n') + 1
	view.Refused("a token without cosignatures", torchwood.VerifyProof(policy, tlog.RecordHash(extra.Entry), token[:firstLine]))

	fmt.Printf("%d entries read, and a token of one of them verified\n", len(entries))
}

func cut(tile []byte) (entry []byte, hash tlog.Hash, rest []byte, err error) {
	entry, rest, err = torchwood.ReadTileEntry(tile)
	return entry, tlog.RecordHash(entry), rest, err
}
