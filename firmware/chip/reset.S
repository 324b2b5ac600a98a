// The first instructions: QEMU starts at the chip's reset address, whatever the ELF
// file says. An exception ends the program with the address that raised it, so that
// a fault is a failed run and not one that hangs.

// A constant is loaded from before the instruction that wants it.
    .section .reset, "ax"
    .global reset
reset:
    j       1f
    .align  4
go: .word   start
1:  l32r    a0, go
    jx      a0

// The chip's table of vectors: the offsets are those of its core.
    .section .vectors, "ax"
    .align  256
vectors:
top:        .word stack_top
handler:    .word faulted
    .org    vectors + 0x30
    j       fault           // an exception in the kernel's mode, which we are in
    .org    vectors + 0x50
    j       fault           // in the user's mode
    .org    vectors + 0x70
    j       fault           // within an exception
    .org    vectors + 0x80
fault:
    l32r    a1, top
    rsr     a2, epc1
    rsr     a3, exccause
    rsr     a4, excvaddr
    l32r    a0, handler
    jx      a0

    .text
    .align  4
table:      .word vectors
stack:      .word stack_top
program:    .word run
start:
    l32r    a2, table
    wsr     a2, vecbase
    movi    a2, 0x20        // exceptions go to the vectors above; interrupts stay off
    wsr     a2, ps
    rsync
    l32r    a1, stack
    l32r    a0, program
    jx      a0

// simcall(number, a, b, c): what the simulated machine does for us.
    .align  4
    .global simcall
simcall:
    simcall
    ret
