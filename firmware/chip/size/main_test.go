package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const linked = `Discarded input sections

 .text._ZN7tendril4goneEv
                0x00000000     0x9999 dist/firmware/chip/src/Tendril/Gone.cpp.o

Linker script and memory map

LOAD dist/firmware/chip/chip/size.cpp.o
 *(.literal .literal.* .text .text.*)
 .text          0x40200000      0x100 dist/firmware/chip/src/Tendril/A.cpp.o
                                0x110 (size before relaxing)
 .text._ZN7tendril5Store4openEPNS_12EdgentMemoryE
                0x40200100       0x20 dist/firmware/chip/src/Tendril/Store/Store.cpp.o
 .text.main     0x40200120     0x1000 dist/firmware/chip/chip/size.cpp.o
 .text.memcpy   0x40201120       0x30 /usr/lib/libc.a(memcpy.o)
 .debug_info    0x00000000     0x7777 /usr/lib/libc.a(memcpy.o)
 .irom.text.tendril
                0x40201150       0x40 dist/firmware/chip/src/Tendril/Portal/Answer.cpp.o
 .rodata._ZTVN7tendril6DeviceE
                0x40201190        0x8 dist/firmware/chip/src/Tendril/Device.cpp.o
 .rodata.str1.1
                0x3ffe8000       0x10 dist/firmware/chip/src/Tendril/Device.cpp.o
 .bss.Tendril   0x3ffe8010      0x200 dist/firmware/chip/src/Tendril/Sketch/Sketch.cpp.o
 .data.kHere    0x3ffe8210        0x4 dist/firmware/chip/src/Tendril/Device.cpp.o
 .bss.flash     0x3ffe8210     0x2000 dist/firmware/chip/chip/size.cpp.o
`

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSizes(t *testing.T) {
	t.Parallel()
	got, err := read([]byte(linked))
	if err != nil {
		t.Fatal(err)
	}
	if want := (sizes{code: 0x128, flash: 0x40, constants: 0x10, variables: 0x204, initial: 4, library: 0x30}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if err := got.readStack([]byte("stack 5 in a login\nstack 70 in a page\nstack 6 in x\n")); err != nil || got.stack != 70 || got.deepest != "a page" {
		t.Errorf("%v: %+v", err, got)
	}
	for _, text := range []string{"", "Linker script and memory map\n"} {
		if _, err := read([]byte(text)); err == nil {
			t.Errorf("%q is a map", text)
		}
	}
	if err := (&sizes{}).readStack([]byte("0 passed\n")); err == nil {
		t.Error("a program that tells nothing has a stack")
	}
}

func TestBeyondTheBudget(t *testing.T) {
	t.Parallel()
	within := sizes{code: budgetFlash + allowedFlash - 2, flash: 1, constants: 1, variables: budgetRAM, stack: budgetStack}
	if err := within.check(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*sizes){
		"code": func(s *sizes) { s.code++ }, "flash": func(s *sizes) { s.flash++ }, "constants": func(s *sizes) { s.constants++ }, "initial": func(s *sizes) { s.initial++ },
		"variables": func(s *sizes) { s.variables++ }, "stack": func(s *sizes) { s.stack++ },
	} {
		beyond := within
		change(&beyond)
		if err := beyond.check(); err == nil || !strings.Contains(err.Error(), "are 1 more") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheTableIsKept(t *testing.T) {
	t.Parallel()
	linkMap, ran := write(t, linked), write(t, "stack 70 in a page\n")
	docs := write(t, "before\n"+opening+"old\n"+closing+"after\n")
	var out strings.Builder
	if err := run(linkMap, ran, docs, &out); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(docs)
	if err != nil || string(text) != "before\n"+opening+out.String()+closing+"after\n" || !strings.Contains(out.String(), "| **70** | 2048 |") {
		t.Errorf("%v\n%s", err, text)
	}
	if err := run(linkMap, ran, write(t, "no marks"), io.Discard); err == nil {
		t.Error("a document without marks passes")
	}
}
