// inclusion POLICY URL reads a whole log by its tiles: proves each entry's inclusion and each past checkpoint's
// consistency, and refuses tampered tiles, entries and roots.
package main

import (
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
	"treering.example/interop/view"
)

// C2SP tlog-tiles: tiles of 256 hashes.
const height = 8

// tiles reads tiles over HTTP; every tile passes through change first.
type tiles struct {
	url    string
	change func([]byte) []byte
}

func (t tiles) Height() int                     { return height }
func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, tile := range wanted {
		// tile/8/0/x001/067.p/8 is tile/0/x001/067.p/8 in tlog-tiles.
		path := strings.Replace(tile.Path(), "tile/8/", "/tile/", 1)
		body, ok := view.Get(t.url, path)
		if !ok {
			return nil, fmt.Errorf("%s is not there", path)
		}
		data = append(data, t.change(body))
	}
	return data, nil
}

func main() {
	policy, url := view.ReadPolicy(os.Args[1]), os.Args[2]
	text, _ := view.Get(url, "/checkpoint")
	tree := view.Must(policy.Open(text))
	if tree.N < 2 {
		log.Fatalf("a log of %d entries shows too little", tree.N)
	}
	as := func(body []byte) []byte { return body }
	nodes := tlog.TileHashReader(tree, tiles{url, as})

	entries := readEntries(url, tree.N)
	for index, entry := range entries {
		proof := view.Must(tlog.ProveRecord(tree.N, int64(index), nodes))
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, int64(index), tlog.RecordHash(entry)); err != nil {
			log.Fatalf("entry %d: %v", index, err)
		}
		view.Refused("another entry", tlog.CheckRecord(proof, tree.N, tree.Hash, int64(index), tlog.RecordHash(view.Flip(entry, 0))))
		other := (int64(index) + 1) % tree.N
		view.Refused("another index", tlog.CheckRecord(proof, tree.N, tree.Hash, other, tlog.RecordHash(entry)))
	}

	past := 0
	for size := int64(1); size < tree.N; size++ {
		text, ok := view.Get(url, fmt.Sprintf("/v1/checkpoints/%d", size))
		if !ok {
			continue
		}
		past++
		old := view.Must(policy.Open(text))
		proof := view.Must(tlog.ProveTree(tree.N, old.N, nodes))
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash); err != nil {
			log.Fatalf("size %d: %v", size, err)
		}
		view.Refused("another root", tlog.CheckTree(proof, tree.N, tree.Hash, old.N, tlog.Hash(view.Flip(old.Hash[:], 31))))
	}
	if past == 0 {
		log.Fatal("no past checkpoint was there")
	}

	// The library checks each tile against the root.
	changed := tlog.TileHashReader(tree, tiles{url, func(body []byte) []byte { return view.Flip(body, 0) }})
	_, err := tlog.ProveRecord(tree.N, 0, changed)
	view.Refused("a tampered tile", err)

	fmt.Printf("%d entries proved and %d past checkpoints consistent, out of the tiles\n", len(entries), past)
}

// readEntries reads all entry bundles: each entry behind its length in two bytes.
func readEntries(url string, size int64) [][]byte {
	var entries [][]byte
	for first := int64(0); first < size; first += 1 << height {
		tile := tlog.Tile{H: height, L: -1, N: first >> height, W: int(min(size-first, 1<<height))}
		path := strings.Replace(tile.Path(), "tile/8/data/", "/tile/entries/", 1)
		bundle, ok := view.Get(url, path)
		if !ok {
			log.Fatalf("%s is not there", path)
		}
		for len(bundle) > 0 {
			length := 2 + int(binary.BigEndian.Uint16(bundle))
			entries = append(entries, bundle[2:length])
			bundle = bundle[length:]
		}
	}
	if int64(len(entries)) != size {
		log.Fatalf("%d entries in the bundles of a log of %d", len(entries), size)
	}
	return entries
}
