// log is a transparency log of a few lines over golang.org/x/mod, cosigned by our witness.
//
//	log key NAME FILE            makes a key, keeps it in FILE and prints its vkey
//	log cosign FILE URL VKEY…    grows a log, has the witness at URL cosign it, verifies each of its keys' cosignatures
//	                             (the last VKEY is of an ML-DSA-44 key, which signs subtrees, too)
//
// It also asks for what a witness must refuse, and holds the answers against C2SP tlog-witness.
package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"

	f_log "github.com/transparency-dev/formats/log"
	f_note "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"treering.example/interop/view"
)

func main() {
	switch command, arguments := os.Args[1], os.Args[2:]; command {
	case "key":
		secret, vkey, err := note.GenerateKey(rand.Reader, arguments[0])
		view.Must(vkey, err)
		view.Must(0, os.WriteFile(arguments[1], []byte(secret), 0o600))
		fmt.Println(vkey)
	case "cosign":
		cosign(string(view.Must(os.ReadFile(arguments[0]))), arguments[1], arguments[2:])
	default:
		log.Fatalf("%s: no such command", command)
	}
}

// tree keeps every hash of a log in memory, as tlog numbers them.
type tree struct{ hashes []tlog.Hash }

func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var read []tlog.Hash
	for _, index := range indexes {
		read = append(read, t.hashes[index])
	}
	return read, nil
}

func (t *tree) grow(from, to int64) {
	for n := from; n < to; n++ {
		t.hashes = append(t.hashes, view.Must(tlog.StoredHashes(n, fmt.Appendf(nil, "record %d", n), t))...)
	}
}

func cosign(secret, url string, vkeys []string) {
	signer := view.Must(note.NewSigner(secret))
	origin := signer.Name()
	var keys []note.Verifier
	for _, vkey := range vkeys {
		keys = append(keys, view.Must(f_note.NewVerifierForCosignatureV1(vkey)))
	}
	sign := func(signer note.Signer, origin string, size int64, root tlog.Hash) []byte {
		text := f_log.Checkpoint{Origin: origin, Size: uint64(size), Hash: root[:]}.Marshal()
		return view.Must(note.Sign(&note.Note{Text: string(text)}, signer))
	}

	var log tree
	old := int64(0)
	for _, size := range []int64{0, 1, 2, 7, 256, 257, 1000, 1000} {
		log.grow(old, size)
		root := view.Must(tlog.TreeHash(size, &log))
		var proof tlog.TreeProof
		if 0 < old && old < size {
			proof = view.Must(tlog.ProveTree(size, old, &log))
		}
		checkpoint := sign(signer, origin, size, root)
		lines := expect(add(url, old, proof, checkpoint), http.StatusOK, "")
		check(keys, append(checkpoint, lines...))
		old = size
	}

	// What must be refused. The witness knows size 1000.
	fork := tree{hashes: make([]tlog.Hash, len(log.hashes))}
	fork.grow(0, 1100)
	forked := sign(signer, origin, 1100, view.Must(tlog.TreeHash(1100, &fork)))
	forkedProof := view.Must(tlog.ProveTree(1100, 1000, &fork))
	log.grow(1000, 1100)
	grown := sign(signer, origin, 1100, view.Must(tlog.TreeHash(1100, &log)))
	proof := view.Must(tlog.ProveTree(1100, 1000, &log))

	expect(add(url, 1000, forkedProof, forked), http.StatusUnprocessableEntity, "")
	expect(add(url, 1000, proof[1:], grown), http.StatusUnprocessableEntity, "")
	size := expect(add(url, 257, view.Must(tlog.ProveTree(1100, 257, &log)), grown), http.StatusConflict, "text/x.tlog.size")
	if string(size) != "1000\n" {
		fail("409 says %q", size)
	}
	expect(add(url, 1000, nil, sign(signer, origin, 999, view.Must(tlog.TreeHash(999, &log)))), http.StatusBadRequest, "")
	thief, _, err := note.GenerateKey(rand.Reader, origin)
	expect(add(url, 1000, proof, sign(view.Must(note.NewSigner(view.Must(thief, err))), origin, 1100, view.Must(tlog.TreeHash(1100, &log)))), http.StatusForbidden, "")
	expect(add(url, 0, nil, sign(signer, "another.example/log", 1, view.Must(tlog.TreeHash(1, &log)))), http.StatusNotFound, "")

	// After all that it goes on where it was, and shows the newest with its own cosignatures.
	lines := expect(add(url, 1000, proof, grown), http.StatusOK, "")
	check(keys, append(bytes.Clone(grown), lines...))
	shown, _ := view.Get(url, fmt.Sprintf("/%x/checkpoint", sha256.Sum256([]byte(origin))))
	if !bytes.HasPrefix(shown, grown[:bytes.Index(grown, []byte("\n\n"))]) {
		fail("the witness shows another checkpoint: %s", shown)
	}
	check(keys, shown)
	if _, err := note.Open(view.Flip(shown, len(origin)+1), note.VerifierList(keys...)); err == nil {
		fail("a cosignature was taken for another size")
	}
	signed, refused := subtrees(url, origin, &log, 1100, shown, vkeys[len(vkeys)-1])
	fmt.Printf("cosigned to size 1100 with %d keys, %d subtrees signed; %d wrong requests refused as the standard says\n",
		len(keys), signed, 6+refused)
}

// add asks for a cosignature.
func add(url string, old int64, proof tlog.TreeProof, checkpoint []byte) *http.Response {
	var body strings.Builder
	fmt.Fprintf(&body, "old %d\n", old)
	for _, hash := range proof {
		fmt.Fprintf(&body, "%s\n", hash)
	}
	fmt.Fprintf(&body, "\n%s", checkpoint)
	return view.Must(http.Post(url+"/add-checkpoint", "text/plain", strings.NewReader(body.String())))
}

func expect(answer *http.Response, status int, contentType string) []byte {
	defer answer.Body.Close()
	body := view.Must(io.ReadAll(answer.Body))
	if answer.StatusCode != status || contentType != "" && answer.Header.Get("Content-Type") != contentType {
		fail("expected %d %s, got %s %s: %s", status, contentType, answer.Status, answer.Header.Get("Content-Type"), body)
	}
	return body
}

// check demands a valid cosignature by each key.
func check(keys []note.Verifier, text []byte) {
	opened := view.Must(note.Open(text, note.VerifierList(keys...)))
	if len(opened.Sigs) != len(keys) {
		fail("%d of %d keys have cosigned:\n%s", len(opened.Sigs), len(keys), text)
	}
	for _, signature := range opened.Sigs {
		if time := view.Must(f_note.CoSigV1Timestamp(signature)); time.Unix() == 0 {
			fail("a cosignature without a time")
		}
	}
}

func fail(format string, arguments ...any) { log.Fatalf(format, arguments...) }
