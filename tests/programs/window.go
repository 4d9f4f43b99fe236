// Ways in which Go programs write to a mapped device. Each is followed by a mark.
package main

import (
	"encoding/binary"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

const mark = 0xff00

func main() {
	file, err := os.OpenFile(os.Args[1], os.O_RDWR, 0)
	if err != nil {
		panic(err)
	}
	window, err := syscall.Mmap(int(file.Fd()), 0, 65536, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		panic(err)
	}
	word := func(at int) *uint32 { return (*uint32)(unsafe.Pointer(&window[at])) }
	data := make([]byte, 256)
	for i := range data {
		data[i] = byte(i)
	}
	marks := uint32(0)
	for _, way := range []func(){
		func() { *word(0) = 1 },
		func() { data[0] = window[3] },
		func() { binary.LittleEndian.PutUint32(window[8:], 0x11223344) },
		func() { copy(window[0:len(os.Args)*2], data) },
		func() { copy(window[0:len(os.Args)*12], data) },
		func() { atomic.StoreUint32(word(4), 5) },
		func() { atomic.LoadUint32(word(4)) },
		func() { atomic.AddUint32(word(4), 1) },
		func() { clear(window[16:48]) },
		func() { threads(word(64)) },
	} {
		way()
		marks++
		*word(mark) = marks
	}
}

// clear is the loop that the compiler makes a call of memclr.
func clear(bytes []byte) {
	for i := range bytes {
		bytes[i] = 0
	}
}

// threads adds 1 a hundred times from each of four goroutines.
func threads(counter *uint32) {
	var all sync.WaitGroup
	for i := 0; i < 4; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for n := 0; n < 100; n++ {
				atomic.AddUint32(counter, 1)
			}
		}()
	}
	all.Wait()
}
