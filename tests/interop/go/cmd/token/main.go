// token POLICY FILE TOKEN verifies the token of a plain stamp: the log's half of it with the libraries of others, and the
// layers from the file up to the entry in a dozen lines. It refuses tampered tokens, and another file.
package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"

	"github.com/fxamacker/cbor/v2"
	"github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/tlog"
	"treering.example/interop/view"
)

// What spec/tokens.md puts into the proof's extra line, as far as a plain stamp has it.
type extra struct {
	Entry  []byte  `cbor:"1,keyasint"`
	Layers []layer `cbor:"2,keyasint"`
}

type layer struct {
	_        struct{} `cbor:",toarray"`
	Path     uint64
	Siblings [][]byte
}

type entry struct {
	_           struct{} `cbor:",toarray"`
	Version     uint64
	SealedAt    uint64
	BatchRoot   []byte
	Submissions uint64
}

func main() {
	policy := view.ReadPolicy(os.Args[1])
	file, token := view.Must(os.ReadFile(os.Args[2])), view.Must(os.ReadFile(os.Args[3]))
	sealed, err := verify(policy, file, token)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}

	_, err = verify(policy, append(bytes.Clone(file), '\n'), token)
	view.Refused("another file", err)
	// The first characters of each line of the proof, and of the checkpoint's text.
	tampered := 0
	for at := range token {
		text := bytes.Index(token, []byte("\n\n"))
		signed := text + 2 + bytes.Index(token[text+2:], []byte("\n\n"))
		if at < signed && (at == 0 || token[at-1] == '\n') && token[at] != '\n' {
			_, err := verify(policy, file, view.Flip(token, at))
			view.Refused(fmt.Sprintf("a token with byte %d changed", at), err)
			tampered++
		}
	}
	fmt.Printf("%s: in entry sealed at %d ms; another file and %d tampered tokens refused\n", os.Args[2], sealed, tampered)
}

func verify(policy view.Policy, file, token []byte) (uint64, error) {
	var p proof.TLogProof
	if err := p.Unmarshal(token); err != nil {
		return 0, err
	}
	var e extra
	if err := cbor.Unmarshal(p.ExtraData, &e); err != nil {
		return 0, err
	}
	// The log's half.
	tree, err := policy.Open(p.Checkpoint)
	if err != nil {
		return 0, err
	}
	var path tlog.RecordProof
	for _, hash := range p.Hashes {
		path = append(path, hash)
	}
	if err := tlog.CheckRecord(path, tree.N, tree.Hash, int64(p.Index), tlog.RecordHash(e.Entry)); err != nil {
		return 0, err
	}
	// From the file to the entry.
	commitment := sha256.Sum256(file)
	value := tlog.Hash(commitment)
	for _, layer := range e.Layers {
		value = tlog.RecordHash(value[:])
		for i, sibling := range layer.Siblings {
			if layer.Path>>i&1 == 1 {
				value = tlog.NodeHash(tlog.Hash(sibling), value)
			} else {
				value = tlog.NodeHash(value, tlog.Hash(sibling))
			}
		}
	}
	var sealed entry
	if err := cbor.Unmarshal(e.Entry, &sealed); err != nil {
		return 0, err
	}
	if !bytes.Equal(sealed.BatchRoot, value[:]) {
		return 0, errors.New("the layers lead to another batch")
	}
	return sealed.SealedAt, nil
}
