// Package view reads what a Treering log shows with the libraries of others, and with nothing of Treering's.
//
// The log's signature is checked by golang.org/x/mod/sumdb/note, cosignatures and the policy's quorum by
// github.com/transparency-dev/formats.
package view

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"

	f_log "github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/formats/witness"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Policy is a C2SP tlog-policy file: the log's key, and the quorum.
type Policy struct {
	Log    note.Verifier
	quorum witness.Group
}

// ReadPolicy reads a policy of one log.
func ReadPolicy(path string) Policy {
	text := Must(os.ReadFile(path))
	policy := Policy{quorum: Must(witness.ParsePolicy(text))}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) >= 2 && fields[0] == "log" {
			policy.Log = Must(note.NewVerifier(fields[1]))
		}
	}
	if policy.Log == nil {
		log.Fatalf("%s names no log", path)
	}
	return policy
}

// Open verifies a checkpoint: the log's signature and the quorum.
func (p Policy) Open(text []byte) (tlog.Tree, error) {
	opened, err := note.Open(text, note.VerifierList(p.Log))
	if err != nil {
		return tlog.Tree{}, err
	}
	var checkpoint f_log.Checkpoint
	if rest, err := checkpoint.Unmarshal([]byte(opened.Text)); err != nil || len(rest) > 0 {
		return tlog.Tree{}, fmt.Errorf("not a checkpoint, or one with extensions (%q): %v", rest, err)
	}
	if checkpoint.Origin != p.Log.Name() || len(checkpoint.Hash) != tlog.HashSize {
		return tlog.Tree{}, fmt.Errorf("another log's checkpoint: %q", checkpoint.Origin)
	}
	if !p.quorum.Satisfied(text) {
		return tlog.Tree{}, errors.New("too few cosignatures")
	}
	return tlog.Tree{N: int64(checkpoint.Size), Hash: tlog.Hash(checkpoint.Hash)}, nil
}

// Cosigned says how many of the policy's witnesses have cosigned.
func (p Policy) Cosigned(text []byte) (met, all int) {
	for _, key := range p.quorum.Endpoints() {
		all++
		if opened, err := note.Open(text, note.VerifierList(key)); err == nil && len(opened.Sigs) == 1 {
			met++
		}
	}
	return met, all
}

// Get fetches a path below a URL; false if it is not there.
func Get(url, path string) ([]byte, bool) {
	answer := Must(http.Get(strings.TrimSuffix(url, "/") + path))
	defer answer.Body.Close()
	body := Must(io.ReadAll(answer.Body))
	if answer.StatusCode == http.StatusNotFound {
		return nil, false
	}
	if answer.StatusCode != http.StatusOK {
		log.Fatalf("%s: %s: %s", path, answer.Status, body)
	}
	return body, true
}

// Flip gives a copy with one bit changed.
func Flip(bytes []byte, at int) []byte {
	changed := append([]byte(nil), bytes...)
	changed[at] ^= 1
	return changed
}

// Refused ends the program if something that is wrong was taken.
func Refused(what string, err error) {
	if err == nil {
		log.Fatalf("%s was taken", what)
	}
}

// Must ends the program if there is an error.
func Must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
