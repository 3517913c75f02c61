package main

import (
	"fmt"
	"net/http"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
	"treering.example/interop/view"
)

// subtrees has the witness sign every subtree of a small tree and some of a larger one. torchwood makes hashes and proofs and
// verifies the signatures. Gives how many were signed, and how many wrong requests were refused.
func subtrees(url, origin string, log *tree, size int64, cosigned []byte, vkey string) (signed, refused int) {
	key := view.Must(torchwood.NewCosignatureVerifier(vkey))
	sign := func(start, end int64) {
		hash := view.Must(torchwood.SubtreeHash(start, end, log))
		proof := view.Must(torchwood.ProveSubtree(size, start, end, log))
		line := expect(signSubtree(url, start, end, hash, proof, cosigned), http.StatusOK, "")
		if !key.VerifySubtree(origin, start, end, hash, line) {
			fail("the signature over the leaves from %d to %d does not verify: %s", start, end, line)
		}
		if key.VerifySubtree(origin, start, end, tlog.Hash(view.Flip(hash[:], 0)), line) {
			fail("the signature over the leaves from %d to %d verifies for others", start, end)
		}
		signed++
	}
	refuse := func(status int, start, end int64, hash tlog.Hash, proof []tlog.Hash) {
		expect(signSubtree(url, start, end, hash, proof, cosigned), status, "")
		refused++
	}
	// All that begin or end near a border of tiles, a power of two, or an end of the tree.
	near := func(n int64) bool {
		for _, border := range []int64{0, 16, 256, 1024, size} {
			if border-3 <= n && n <= border+3 {
				return true
			}
		}
		return false
	}
	for start := range size {
		for end := start + 1; end <= size; end++ {
			if near(start) && near(end) && torchwood.ValidSubtree(start, end) {
				sign(start, end)
			}
		}
	}
	for _, of := range [][2]int64{{0, 700}, {256, 500}, {768, 1000}, {4, 7}} {
		start, end := of[0], of[1]
		hash := view.Must(torchwood.SubtreeHash(start, end, log))
		proof := view.Must(torchwood.ProveSubtree(size, start, end, log))
		refuse(http.StatusUnprocessableEntity, start, end, tlog.Hash(view.Flip(hash[:], 0)), proof)
		refuse(http.StatusUnprocessableEntity, start, end, hash, proof[1:])
		refuse(http.StatusUnprocessableEntity, start, end, hash, append([]tlog.Hash{hash}, proof...))
		// No subtree, and one beyond the tree.
		refuse(http.StatusBadRequest, start+1, end+2, hash, proof)
		refuse(http.StatusBadRequest, 0, size+1, hash, proof)
	}
	return signed, refused
}

func signSubtree(url string, start, end int64, hash tlog.Hash, proof []tlog.Hash, cosigned []byte) *http.Response {
	var body strings.Builder
	fmt.Fprintf(&body, "subtree %d %d\n%s\n", start, end, hash)
	for _, hash := range proof {
		fmt.Fprintf(&body, "%s\n", hash)
	}
	fmt.Fprintf(&body, "\n%s", cosigned)
	return view.Must(http.Post(url+"/sign-subtree", "text/plain", strings.NewReader(body.String())))
}
