package local

import (
	"os"
	"testing"

	"stackgate/internal/store/storetest"
)

func TestMain(m *testing.M) {
	storetest.UseMemory()
	os.Exit(m.Run())
}
