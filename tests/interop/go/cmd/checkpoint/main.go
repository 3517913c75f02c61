// checkpoint POLICY URL verifies a log's newest checkpoint, and refuses every tampered copy of it.
package main

import (
	"bytes"
	"fmt"
	"os"

	"treering.example/interop/view"
)

func main() {
	policy, url := view.ReadPolicy(os.Args[1]), os.Args[2]
	text, _ := view.Get(url, "/checkpoint")
	tree := view.Must(policy.Open(text))
	met, all := policy.Cosigned(text)

	// One bit of any byte that is signed.
	signed := bytes.Index(text, []byte("\n\n")) + 1
	for at := range signed {
		_, err := policy.Open(view.Flip(text, at))
		view.Refused(fmt.Sprintf("a checkpoint with byte %d changed", at), err)
	}
	// The log's line gone, and then all others.
	lines := bytes.SplitAfter(text[signed+1:], []byte("\n"))
	head := text[:signed+1]
	_, err := policy.Open(append(bytes.Clone(head), bytes.Join(lines[1:], nil)...))
	view.Refused("a checkpoint without the log's signature", err)
	_, err = policy.Open(append(bytes.Clone(head), lines[0]...))
	view.Refused("a checkpoint without cosignatures", err)
	// A bit of each cosignature, behind its key's ID; of one line all that is wrong is that bit.
	changed := append(bytes.Clone(head), lines[0]...)
	for _, line := range lines[1:] {
		if len(line) > 0 {
			changed = append(changed, view.Flip(line, len(line)-40)...)
		}
	}
	_, err = policy.Open(changed)
	view.Refused("a checkpoint with a bit of each cosignature changed", err)

	fmt.Printf("size %d, cosigned by %d of %d witnesses; %d tampered copies refused\n", tree.N, met, all, signed+3)
}
