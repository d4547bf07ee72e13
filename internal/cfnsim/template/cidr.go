package template

import (
	"fmt"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
)

// cidr answers Fn::Cidr: count blocks of cidrBits host bits cut from an address block.
func (s *Scope) cidr(items []any) (any, error) {
	texts := []string{"", "", "8"}
	for i := range items {
		text, err := s.text(items[i], "Fn::Cidr")
		if err != nil {
			return nil, err
		}
		if strings.Contains(text, Unknown) {
			return Unknown, nil
		}
		texts[i] = text
	}
	block, err := netip.ParsePrefix(texts[0])
	if err != nil {
		return nil, &Error{fmt.Sprintf("Template error: every Fn::Cidr object requires an ipBlock in CIDR notation, not %q", texts[0])}
	}
	count, err := strconv.Atoi(texts[1])
	if err != nil || count < 1 || count > 256 {
		return nil, &Error{"Template error: every Fn::Cidr object requires a count between 1 and 256"}
	}
	bits, err := strconv.Atoi(texts[2])
	length := block.Addr().BitLen() - bits
	if err != nil || bits < 1 || length < block.Bits() || length > block.Addr().BitLen() {
		return nil, &Error{"Template error: every Fn::Cidr object requires cidrBits that fit into the ipBlock"}
	}
	if available := length - block.Bits(); available < 9 && count > 1<<available {
		return nil, &Error{fmt.Sprintf("Template error: Fn::Cidr cannot cut %d blocks of %d bits from %s", count, bits, block)}
	}
	return cutBlocks(block.Masked(), count, bits, length), nil
}

func cutBlocks(block netip.Prefix, count, bits, length int) []any {
	step := new(big.Int).Lsh(big.NewInt(1), uint(bits))
	address := new(big.Int).SetBytes(block.Addr().AsSlice())
	size := block.Addr().BitLen() / 8
	blocks := make([]any, 0, count)
	for range count {
		raw := address.FillBytes(make([]byte, size))
		if addr, ok := netip.AddrFromSlice(raw); ok {
			blocks = append(blocks, netip.PrefixFrom(addr, length).String())
		}
		address.Add(address, step)
	}
	return blocks
}
