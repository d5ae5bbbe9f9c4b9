// Command peer is the tests' other side in Go: gRPC's server, and an HPACK encoder and decoder.
package main

import (
	"fmt"
	"os"
)

func main() {
	modes := map[string]func() error{"grpc": serveGrpc, "encode": encodeBlocks, "decode": decodeBlocks}
	if len(os.Args) != 2 || modes[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: peer grpc|encode|decode")
		os.Exit(2)
	}
	if err := modes[os.Args[1]](); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
