@ Maps 4 KiB of the file argv[1] and accesses it in ways that QEMU does in one step and in several.
        .syntax unified
        .arch armv7-a
        .global _start
_start: ldr     r0, [sp, #8]            @ argv[1]
        mov     r1, #2                  @ O_RDWR
        mov     r7, #5                  @ open
        svc     #0
        mov     r4, r0
        mov     r0, #0
        mov     r1, #4096
        mov     r2, #3                  @ PROT_READ | PROT_WRITE
        mov     r3, #1                  @ MAP_SHARED
        mov     r5, #0
        mov     r7, #192                @ mmap2
        svc     #0
        mov     r9, r0

        blx     accesses

        mov     r0, #7
        mov     r7, #1                  @ exit
        svc     #0
        .ltorg

        .thumb                          @ most of Debian's code for Arm is
        .type   accesses, %function
accesses:
        ldr     r0, =0x13121110
        ldr     r1, =0x17161514
        ldr     r2, =0x1b1a1918
        ldr     r3, =0x1f1e1d1c
        str     r0, [r9]                @ 4 bytes
        strd    r0, r1, [r9, #8]        @ 8
        add     r4, r9, #16
        stm     r4, {r0-r3}             @ one instruction, 16 bytes
        ldrh    r5, [r9, #2]
        add     r6, r9, #32             @ the same instruction three times, side by side
        mov     r8, #3
loop:   str     r0, [r6], #4
        subs    r8, r8, #1
        bne     loop
        bx      lr
        .size   accesses, . - accesses
