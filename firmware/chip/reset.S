// The first instructions: QEMU starts at the chip's reset address, whatever the ELF
// file says. Every exception goes to `trapped` in Model.cpp, which knows those that
// are to be: its answer is where the program goes on.

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
top:        .word trap_stack_top
registers:  .word trap_registers
handler:    .word trapped
    .org    vectors + 0x30
    j       trap            // an exception in the kernel's mode
    .org    vectors + 0x50
    j       trap            // in the user's mode, which we are in
    .org    vectors + 0x70
    j       trap            // within an exception
    .org    vectors + 0x80
trap:
    wsr     a0, excsave1
    l32r    a0, registers
    s32i    a1, a0, 4
    s32i    a2, a0, 8
    s32i    a3, a0, 12
    s32i    a4, a0, 16
    s32i    a5, a0, 20
    s32i    a6, a0, 24
    s32i    a7, a0, 28
    s32i    a8, a0, 32
    s32i    a9, a0, 36
    s32i    a10, a0, 40
    s32i    a11, a0, 44
    s32i    a12, a0, 48
    s32i    a13, a0, 52
    s32i    a14, a0, 56
    s32i    a15, a0, 60
    rsr     a2, excsave1
    s32i    a2, a0, 0
    l32r    a1, top         // so that the program's stack stays as it is
    rsr     a2, epc1
    rsr     a3, exccause
    rsr     a4, excvaddr
    l32r    a0, handler
    callx0  a0
    wsr     a2, epc1
    rsync
    l32r    a0, registers
    l32i    a1, a0, 4
    l32i    a2, a0, 8
    l32i    a3, a0, 12
    l32i    a4, a0, 16
    l32i    a5, a0, 20
    l32i    a6, a0, 24
    l32i    a7, a0, 28
    l32i    a8, a0, 32
    l32i    a9, a0, 36
    l32i    a10, a0, 40
    l32i    a11, a0, 44
    l32i    a12, a0, 48
    l32i    a13, a0, 52
    l32i    a14, a0, 56
    l32i    a15, a0, 60
    l32i    a0, a0, 0
    rfe

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

    .bss
    .align  16
    .global trap_registers
trap_registers: .space 64
    .space  512
trap_stack_top:
