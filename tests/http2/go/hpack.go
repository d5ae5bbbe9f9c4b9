package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"

	"golang.org/x/net/http2/hpack"
)

// A block is a header list and its encoding. JSON has the names of the exported fields.
type block struct {
	// TableSizes are what the decoder allows, one after another, before the block.
	TableSizes []uint32
	Fields     []hpack.HeaderField
	// Wire is hexadecimal.
	Wire string
}

// encodeBlocks reads blocks without Wire from standard input, and writes them with it.
func encodeBlocks() error {
	var wire bytes.Buffer
	encoder := hpack.NewEncoder(&wire)
	return eachBlock(func(b *block) error {
		for _, size := range b.TableSizes {
			encoder.SetMaxDynamicTableSize(size)
		}
		wire.Reset()
		for _, field := range b.Fields {
			if err := encoder.WriteField(field); err != nil {
				return err
			}
		}
		b.Wire = hex.EncodeToString(wire.Bytes())
		return nil
	})
}

// decodeBlocks reads blocks without Fields from standard input, and writes them with them.
func decodeBlocks() error {
	decoder := hpack.NewDecoder(4096, nil)
	return eachBlock(func(b *block) error {
		for _, size := range b.TableSizes {
			decoder.SetAllowedMaxDynamicTableSize(size)
		}
		wire, err := hex.DecodeString(b.Wire)
		if err != nil {
			return err
		}
		fields, err := decoder.DecodeFull(wire)
		b.Fields = append([]hpack.HeaderField{}, fields...) // an empty list, where nil would be null
		return err
	})
}

func eachBlock(complete func(*block) error) error {
	var blocks []block
	if err := json.NewDecoder(os.Stdin).Decode(&blocks); err != nil {
		return err
	}
	for i := range blocks {
		if err := complete(&blocks[i]); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(blocks)
}
