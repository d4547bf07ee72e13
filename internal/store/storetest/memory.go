package storetest

import "os"

// memory is where Linux keeps files that never reach a disk.
const memory = "/dev/shm"

// UseMemory has the temporary folders of this test binary in memory, where the machine offers that. A store waits at each
// change until the disk has it, and a story makes hundreds: on a busy disk that was four fifths of the time of all stories.
// What a store must survive is tested in its own package, on a disk. Call it from TestMain.
func UseMemory() {
	probe, err := os.MkdirTemp(memory, "stackgate-")
	if err != nil {
		return
	}
	if os.Remove(probe) == nil {
		_ = os.Setenv("TMPDIR", memory)
	}
}
