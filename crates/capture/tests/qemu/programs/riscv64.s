# Maps 4 KiB of the file argv[1] and accesses it.
        .global _start
_start: ld      a1, 16(sp)              # argv[1]
        li      a0, -100                # AT_FDCWD
        li      a2, 2                   # O_RDWR
        li      a7, 56                  # openat
        ecall
        mv      a4, a0
        li      a0, 0
        li      a1, 4096
        li      a2, 3                   # PROT_READ | PROT_WRITE
        li      a3, 1                   # MAP_SHARED
        li      a5, 0
        li      a7, 222                 # mmap
        ecall
        mv      s1, a0

        li      t1, 0x17161514
        slli    t1, t1, 32
        li      t2, 0x13121110
        or      t1, t1, t2
        sw      t1, 0(s1)               # 4 bytes
        sd      t1, 8(s1)               # 8
        sb      t1, 16(s1)              # 1
        lhu     t3, 2(s1)
        addi    t4, s1, 32              # the same instruction three times, side by side
        li      t5, 3
loop:   sw      t1, 0(t4)
        addi    t4, t4, 4
        addi    t5, t5, -1
        bnez    t5, loop

        li      a0, 7
        li      a7, 93                  # exit
        ecall
