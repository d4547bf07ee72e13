package storetest

import (
	"bytes"
	"fmt"
	"testing"

	"stackgate/internal/store"
)

// Benchmark measures what a deployment does most: changing its record and keeping a document of a review's size.
func Benchmark(b *testing.B, open func(testing.TB) Store) {
	b.Run("UpdateRecord", func(b *testing.B) {
		s, record := open(b), filled[store.Record](b)
		record.ID = idOf(1)
		must(b, s.CreateRecord(b.Context(), record))
		b.ReportAllocs()
		for b.Loop() {
			_, err := s.UpdateRecord(b.Context(), idOf(1), func(r *store.Record) error {
				r.Transitions++
				return nil
			})
			must(b, err)
		}
	})
	for _, size := range []int{4 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("PutDocument/%dKiB", size>>10), func(b *testing.B) {
			s, content, n := open(b), bytes.Repeat([]byte("x"), size), 0
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				// Each time another document: the same again would change nothing.
				n++
				copy(content, fmt.Sprintf("%016d", n))
				_, err := s.PutDocument(b.Context(), "review", content)
				must(b, err)
			}
		})
	}
}
