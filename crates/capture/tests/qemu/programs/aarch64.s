// Maps 4 KiB of the file argv[1] and accesses it in ways that QEMU does in one step and in several.
        .global _start
_start: ldr     x1, [sp, #16]           // argv[1]
        mov     x0, #-100               // AT_FDCWD
        mov     x2, #2                  // O_RDWR
        mov     x8, #56                 // openat
        svc     #0
        mov     x4, x0
        mov     x0, #0
        mov     x1, #4096
        mov     x2, #3                  // PROT_READ | PROT_WRITE
        mov     x3, #1                  // MAP_SHARED
        mov     x5, #0
        mov     x8, #222                // mmap
        svc     #0
        mov     x9, x0

        ldr     x1, =0x1716151413121110
        ldr     x2, =0x1f1e1d1c1b1a1918
        str     w1, [x9]                // 4 bytes
        stp     x1, x2, [x9, #16]       // one instruction, 16 bytes
        fmov    d0, x1
        mov     v0.d[1], x2
        str     q0, [x9, #32]           // as many, another way
        stp     q0, q0, [x9, #64]       // 32
        ldp     x3, x4, [x9, #16]       // 16 bytes back
        ldrb    w5, [x9, #2]
        add     x6, x9, #128            // the same instruction three times, side by side
        mov     w7, #3
loop:   str     x1, [x6], #8
        subs    w7, w7, #1
        b.ne    loop

        mov     x0, x9
        mov     x1, #4096
        mov     x8, #215                // munmap
        svc     #0
        mov     x0, x9                  // other memory in its place: no window any more
        mov     x1, #4096
        mov     x2, #3
        mov     x3, #0x32               // MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS
        mov     x4, #-1
        mov     x5, #0
        mov     x8, #222
        svc     #0
        str     x1, [x9]
        mov     x0, #7
        mov     x8, #93                 // exit
        svc     #0
