//! Kinds of loads and stores, and what is known of their data.
#![cfg(target_arch = "x86_64")]

use crate::program::{Bench, words};

#[test]
fn a_store_and_a_load_are_recorded_with_their_data() {
    let bench = Bench::new();
    let run = bench.statements("w[0] = 1; w[4] = 0x12345678; CHECK(w[4] == 0x12345678);");
    assert_eq!(run.lines(), ["W 0x0 4 0x1", "W 0x10 4 0x12345678", "R 0x10 4 0x12345678"]);
    assert_eq!(words(&bench.window())[4], 0x1234_5678);
}

#[test]
fn every_width_of_a_plain_store_is_told() {
    let run = Bench::new().statements(
        "*(volatile uint8_t *)w = 0x11; *(volatile uint16_t *)w = 0x2222;
         *(volatile uint64_t *)w = 0x4444444444444444;
         uint8_t b = *(volatile uint8_t *)w; uint64_t q = *(volatile uint64_t *)w;
         CHECK(b == 0x44 && q == 0x4444444444444444);",
    );
    let wide = "0x4444444444444444";
    let [store, load] = [format!("W 0x0 8 {wide}"), format!("R 0x0 8 {wide}")];
    assert_eq!(run.lines(), ["W 0x0 1 0x11", "W 0x0 2 0x2222", &store, "R 0x0 1 0x44", &load]);
}

/// Runs one piece of inline assembly, with `p` the window and `s` ordinary memory.
fn assembly(code: &str) -> Vec<String> {
    let run = Bench::new().statements(&format!(
        "char *p = (char *)w, s[64], *before = s; for (int i = 0; i < 64; i++) s[i] = i + 1;
         uint64_t x = 0;
         {code}"
    ));
    assert_eq!(run.losses(), []);
    run.lines()
}

#[test]
fn a_store_of_its_own_address_stores_the_windows_address() {
    let lines = assembly(
        "asm volatile(\"mov %0, (%0)\" :: \"r\"(p) : \"memory\");
         CHECK(*(char **)p == p);",
    );
    assert!(lines[0].starts_with("W 0x0 8 0x2a"), "{lines:?}");
    assert_eq!(lines.len(), 2);
}

#[test]
fn a_load_into_its_own_base_register_is_right_at_every_width() {
    let lines = assembly(
        "w[0] = 0x12345678;
         x = (uint64_t)p; asm volatile(\"mov (%0), %0\" : \"+r\"(x)); CHECK(x == 0x12345678);
         x = (uint64_t)p; asm volatile(\"mov (%0), %k0\" : \"+r\"(x)); CHECK(x == 0x12345678);
         x = (uint64_t)p; asm volatile(\"mov (%0), %w0\" : \"+r\"(x));
         CHECK(x == ((uint64_t)p & ~0xffffull | 0x5678));
         x = (uint64_t)p; asm volatile(\"mov (%0), %b0\" : \"+r\"(x));
         CHECK(x == ((uint64_t)p & ~0xffull | 0x78));
         x = (uint64_t)p; asm volatile(\"mov (%0), %%ah\" : \"+a\"(x));
         x = (uint64_t)p; asm volatile(\"add (%0), %0\" : \"+r\"(x));
         CHECK(x == (uint64_t)p + 0x12345678);
         x = (uint64_t)p; asm volatile(\"movzbl 1(%0), %k0\" : \"+r\"(x)); CHECK(x == 0x56);",
    );
    let expected = [
        "W 0x0 4 0x12345678",
        "R 0x0 8 0x12345678",
        "R 0x0 4 0x12345678",
        "R 0x0 2 0x5678",
        "R 0x0 1 0x78",
        "R 0x0 1 0x78",
        "R 0x0 8 0x12345678",
        "R 0x1 1 0x56",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn read_modify_write_is_a_read_and_a_write() {
    let lines = assembly(
        "w[0] = 0x11;
         __sync_fetch_and_add(w, 5);
         CHECK(__sync_bool_compare_and_swap(w, 0x16, 7));
         CHECK(!__sync_bool_compare_and_swap(w, 0x16, 8));
         CHECK(__atomic_exchange_n(w, 9, __ATOMIC_SEQ_CST) == 7);
         asm volatile(\"lock xaddl %k0, (%1)\" : \"+r\"(x) : \"r\"(p) : \"memory\"); CHECK(x == 9);
         asm volatile(\"orl $4, (%0)\" :: \"r\"(p) : \"memory\"); CHECK(w[0] == 13);",
    );
    let expected = [
        "W 0x0 4 0x11",
        "R 0x0 4 ?",
        "W 0x0 4 ?",
        "R 0x0 4 0x16",
        "W 0x0 4 0x7",
        "R 0x0 4 0x7",
        "W 0x0 4 0x7",
        "R 0x0 4 0x7",
        "W 0x0 4 0x9",
        "R 0x0 4 0x9",
        "W 0x0 4 0x9",
        "R 0x0 4 0x9",
        "W 0x0 4 0xd",
        "R 0x0 4 0xd",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_repeated_string_instruction_is_as_many_accesses_as_it_has_elements() {
    let lines = assembly(
        "char *d = p; long n = 3;
         asm volatile(\"rep stosb\" : \"+D\"(d), \"+c\"(n) : \"a\"(0x5a) : \"memory\");
         CHECK(d == p + 3 && n == 0);
         d = p + 16; n = 2; before = s;
         asm volatile(\"rep movsl\" : \"+D\"(d), \"+S\"(before), \"+c\"(n) :: \"memory\");
         CHECK(d == p + 24 && before == s + 8);
         char *from = p + 16; d = s + 32; n = 2;
         asm volatile(\"rep movsl\" : \"+D\"(d), \"+S\"(from), \"+c\"(n) :: \"memory\");
         CHECK(!memcmp(s, s + 32, 8)); CHECK(from == p + 24);
         d = p + 32; from = p + 16; n = 1;
         asm volatile(\"rep movsq\" : \"+D\"(d), \"+S\"(from), \"+c\"(n) :: \"memory\");
         asm volatile(\"mov 32(%1), %0\" : \"=r\"(x) : \"r\"(p)); CHECK(x == *(uint64_t *)s);",
    );
    let expected = [
        "W 0x0 1 0x5a",
        "W 0x1 1 0x5a",
        "W 0x2 1 0x5a",
        "W 0x10 4 0x4030201",
        "W 0x14 4 0x8070605",
        "R 0x10 4 0x4030201",
        "R 0x14 4 0x8070605",
        "R 0x10 8 ?",
        "W 0x20 8 ?",
        "R 0x20 8 0x807060504030201",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn what_no_register_keeps_is_seen_all_the_same() {
    let lines = assembly(
        "w[0] = 5; w[1] = 7; x = 3; char *f = p, *d = p + 64; double one = 1;
         asm volatile(\"cmpl $6, (%0)\\n setb %b1\" : : \"r\"(p), \"a\"(x) : \"memory\");
         asm volatile(\"pushq (%0)\\n popq 16(%0)\" :: \"r\"(p) : \"memory\");
         asm volatile(\"incl 4(%0)\\n negb 5(%0)\" :: \"r\"(p) : \"memory\");
         asm volatile(\"fildl (%0)\\n fistpll 32(%0)\" :: \"r\"(p) : \"memory\");
         asm volatile(\"addsd (%1), %0\" : \"+x\"(one) : \"r\"(p + 32));
         asm volatile(\"movsl\" : \"+D\"(d), \"+S\"(f) :: \"memory\"); CHECK(d == p + 68 && f == p + 4);",
    );
    let expected = [
        "W 0x0 4 0x5",
        "W 0x4 4 0x7",
        "R 0x0 4 0x5",
        "R 0x0 8 0x700000005",
        "W 0x10 8 0x700000005",
        "R 0x4 4 0x7",
        "W 0x4 4 0x8",
        "R 0x5 1 0x0",
        "W 0x5 1 0x0",
        "R 0x0 4 0x5",
        "W 0x20 8 0x5",
        "R 0x20 8 0x5",
        "R 0x0 4 0x5",
        "W 0x40 4 0x5",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_locked_change_to_zero_tells_what_was_there() {
    let lines = assembly(
        "w[0] = 2;
         asm volatile(\"lock decl (%0)\\n lock decl (%0)\" :: \"r\"(p) : \"memory\");
         w[0] = -9; asm volatile(\"lock addl %1, (%0)\" :: \"r\"(p), \"r\"(9) : \"memory\");
         w[0] = 9; asm volatile(\"lock subl $9, (%0)\" :: \"r\"(p) : \"memory\");",
    );
    let expected = [
        "W 0x0 4 0x2",
        "R 0x0 4 ?",
        "W 0x0 4 ?",
        "R 0x0 4 0x1",
        "W 0x0 4 0x0",
        "W 0x0 4 0xfffffff7",
        "R 0x0 4 0xfffffff7",
        "W 0x0 4 0x0",
        "W 0x0 4 0x9",
        "R 0x0 4 0x9",
        "W 0x0 4 0x0",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_load_that_ends_in_an_exception_is_recorded() {
    let run = Bench::new().trace(
        "static sigjmp_buf back;
         static siginfo_t told; static long rip;
         static void handler(int s, siginfo_t *i, void *u) {
             told = *i; rip = ((ucontext_t *)u)->uc_mcontext.gregs[REG_RIP]; siglongjmp(back, 1);
         }
         int main(int c, char **v) {
             struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
             sigaction(SIGFPE, &a, 0);
             window(v);
             w[1] = 0;
             if (!sigsetjmp(back, 1)) {
                 asm volatile(\"divl 4(%0)\" :: \"r\"(w), \"a\"(1), \"d\"(0));
                 return 97;
             }
             CHECK(told.si_signo == SIGFPE && told.si_addr == (void *)rip);
             return 0;
         }",
    );
    let run = run.succeeded();
    assert_eq!(run.lines(), ["W 0x4 4 0x0", "R 0x4 4 0x0"]);
    assert_eq!(run.losses(), []);
}

#[test]
fn a_stack_in_the_window_works() {
    let lines = assembly(
        "asm volatile(\"mov %%rsp, %%rbx\\n mov %0, %%rsp\\n push $-2\\n push %%rax\\n\"
                      \"push %%rsp\\n pop %%rdx\\n pop %%rcx\\n call 1f\\n 1: pop %%rdi\\n\"
                      \"mov %%rbx, %%rsp\\n mov %%rdx, %1\"
                      : : \"r\"(p + 4096), \"m\"(x), \"a\"(0x77) :
                      \"rbx\", \"rcx\", \"rdx\", \"rdi\", \"memory\");
         CHECK(x == (uint64_t)p + 4096 - 16);",
    );
    assert_eq!(lines[0], "W 0xff8 8 0xfffffffffffffffe");
    assert_eq!(lines[1], "W 0xff0 8 0x77");
    assert!(lines[2].starts_with("W 0xfe8 8 ") && lines[3].starts_with("R 0xfe8 8 0x2a"));
    assert_eq!(lines[4], "R 0xff0 8 0x77");
    assert_eq!(lines[5].replacen('W', "R", 1), lines[6]);
    assert_eq!(lines.len(), 7);
}

#[test]
fn operands_without_a_base_register_are_reached() {
    let lines = assembly(
        "unsigned char *code = mmap(0, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
         unsigned char absolute[] = {0xa3, 0, 0, 0, 0, 0, 0, 0, 0, 0xc3};
         char *to = p + 8; memcpy(absolute + 1, &to, 8);
         memcpy(code, absolute, sizeof absolute);
         asm volatile(\"call *%0\" :: \"r\"(code), \"a\"(0x1234) : \"memory\");
         uint64_t index = (uint64_t)p / 4;
         asm volatile(\"movl $5, 16(,%0,4)\" :: \"r\"(index) : \"memory\");
         syscall(SYS_arch_prctl, 0x1001, (uint64_t)p - 64);
         asm volatile(\"movl $6, %%gs:64+32\" ::: \"memory\");
         asm volatile(\"movl $7, %%gs:(%0)\" :: \"r\"(64 + 36ull) : \"memory\");",
    );
    assert_eq!(lines, ["W 0x8 4 0x1234", "W 0x10 4 0x5", "W 0x20 4 0x6", "W 0x24 4 0x7"]);
}

#[test]
fn code_that_changes_under_one_address_is_read_anew() {
    let lines = assembly(
        "unsigned char *code = mmap(0, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
         memcpy(code, \"\\x89\\x07\\xc3\", 3);
         asm volatile(\"call *%0\" :: \"r\"(code), \"D\"(p), \"a\"(0x1234) : \"memory\");
         memcpy(code, \"\\x88\\x07\\xc3\", 3);
         asm volatile(\"call *%0\" :: \"r\"(code), \"D\"(p), \"a\"(0x1234) : \"memory\");",
    );
    assert_eq!(lines, ["W 0x0 4 0x1234", "W 0x0 1 0x34"]);
}

#[test]
fn odd_moves_have_their_data() {
    let lines = assembly(
        "asm volatile(\"movhps %0, (%1)\" :: \"x\"((__int128)0x1122 << 64), \"r\"(p) : \"memory\");
         asm volatile(\"pextrw $1, %0, 8(%1)\" :: \"x\"((__int128)0x33445566), \"r\"(p) : \"memory\");
         asm volatile(\"movbe %k0, 12(%1)\" :: \"r\"(0x11223344), \"r\"(p) : \"memory\");
         asm volatile(\"cmp %0, %0\\n sete 16(%1)\\n setne 17(%1)\" :: \"r\"(x), \"r\"(p) : \"memory\");
         asm volatile(\"cmp %1, %1\\n cmove 12(%2), %k0\" : \"+r\"(x) : \"r\"(p), \"r\"(p));
         CHECK(x == 0x44332211);
         asm volatile(\"movnti %k0, 20(%1)\" :: \"r\"(3), \"r\"(p) : \"memory\");
         asm volatile(\"fld1\\n fstpl 24(%0)\" :: \"r\"(p) : \"memory\");
         asm volatile(\"mov %%ds, 32(%0)\" :: \"r\"(p) : \"memory\");
         asm volatile(\"btsl %k0, (%1)\" :: \"r\"(32 * 10 + 3), \"r\"(p) : \"memory\");
         CHECK(w[10] == 8);",
    );
    let expected = [
        "W 0x0 8 0x1122",
        "W 0x8 2 0x3344",
        "W 0xc 4 0x44332211",
        "W 0x10 1 0x1",
        "W 0x11 1 0x0",
        "R 0xc 4 0x44332211",
        "W 0x14 4 0x3",
        "W 0x18 8 0x3ff0000000000000",
        "W 0x20 2 0x0",
        "R 0x28 4 0x0",
        "W 0x28 4 0x8",
        "R 0x28 4 0x8",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn ten_bytes_of_the_x87_unit_have_their_data() {
    let lines = assembly(
        "unsigned char odd[10] = {1, 2, 3, 4, 5, 6, 7, 8, 0xff, 0x7f}, bcd[10] = {0x42, 1};
         char got[10];
         memcpy(p, odd, 10); memcpy(p + 16, bcd, 10); bcd[9] = 0x80;
         asm volatile(\"fldt (%0)\\n fstpt (%1)\" :: \"r\"(p), \"r\"(got) : \"memory\");
         CHECK(!memcmp(got, odd, 10));
         asm volatile(\"fbld 16(%0)\\n fistps 32(%0)\" :: \"r\"(p) : \"memory\");
         for (int i = 0; i < 9; i++) asm volatile(\"fldt (%0)\" :: \"r\"(p));
         for (int i = 0; i < 7; i++) asm volatile(\"fstp %st(0)\");
         asm volatile(\"fbld 16(%0)\\n fstpt 48(%0)\" :: \"r\"(p) : \"memory\");",
    );
    let odd = "R 0x0 10 0x7fff0807060504030201";
    let loads: Vec<&str> =
        lines.iter().map(String::as_str).skip_while(|line| *line != odd).collect();
    let full = "R 0x0 10 ?";
    let expected = [
        &[odd, "R 0x10 10 0x142", "W 0x20 2 0x8e"][..],
        &[odd; 8],
        &[full, "R 0x10 10 0x142", "W 0x30 10 0x40068e00000000000000"],
    ];
    assert_eq!(loads, expected.concat());
}

#[test]
fn what_the_x87_unit_refuses_loads_nothing() {
    let bench = Bench::new();
    let run = bench.trace(
        "static sigjmp_buf back;
         static void handler(int s) { siglongjmp(back, 1); }
         int main(int c, char **v) {
             signal(SIGFPE, handler);
             window(v);
             short control = 0x37b; double zero = 0;
             if (!sigsetjmp(back, 1)) {
                 asm volatile(\"fninit\\n fldcw %0\\n fld1\\n fdivl %1\\n fildl (%2)\"
                              :: \"m\"(control), \"m\"(zero), \"r\"(w));
                 return 97;
             }
             return 0;
         }",
    );
    assert_eq!(run.succeeded().lines(), [""; 0]);
}

#[test]
fn a_line_that_becomes_zero_is_a_store_of_zeros() {
    let features = std::arch::x86_64::__cpuid(0x8000_0008).ebx;
    if !has(features & 1 == 1, "clzero") {
        return;
    }
    let lines = assembly(
        "w[20] = 7;
         asm volatile(\"clzero\" :: \"a\"(p + 64 + 5) : \"memory\");
         CHECK(w[20] == 0);",
    );
    assert_eq!(lines, ["W 0x50 4 0x7", "W 0x40 64 0x0", "R 0x50 4 0x0"]);
}

#[test]
fn a_frame_in_the_window_keeps_the_one_before() {
    let lines = assembly(
        "asm volatile(\"mov %%rsp, %%rbx\\n mov %%rbp, %%r12\\n mov %0, %%rsp\\n mov $5, %%ebp\\n\"
                      \"enter $16, $0\\n leave\\n mov %%rbx, %%rsp\\n mov %%r12, %%rbp\"
                      :: \"r\"(p + 4096) : \"rbx\", \"r12\", \"memory\");",
    );
    assert_eq!(lines, ["W 0xff8 8 0x5", "R 0xff8 8 0x5"]);
}

#[test]
fn cache_maintenance_is_no_access() {
    assert_eq!(assembly("asm volatile(\"clflush (%0)\\n prefetcht0 (%0)\" :: \"r\"(p));"), [""; 0]);
}

#[test]
fn an_access_that_crosses_the_windows_end_is_recorded_in_part() {
    let bench = Bench::new();
    let program = bench.compile(
        "int main(int c, char **v) {
             window(v);
             *(volatile uint64_t *)((char *)w + 4092) = 0x1122334455667788;
             *(volatile uint64_t *)((char *)w + 8188) = 0x1122334455667788;
             CHECK(*(volatile uint64_t *)((char *)w + 8188) == 0x1122334455667788);
             return 0;
         }",
        &[],
    );
    let capture = busprobe_capture::native::Capture::new([program, bench.window()])
        .watch(busprobe_capture::native::Watch::file(bench.window(), 4096..8192));
    let run = crate::program::run(capture).succeeded();
    let expected = ["W 0x0 4 0x11223344", "W 0xffc 4 0x55667788", "R 0xffc 4 0x55667788"];
    assert_eq!(run.lines(), expected);
    assert_eq!(run.losses().len(), 1);
}

/// Whether the CPU has it; says so when it has not.
fn has(feature: bool, name: &str) -> bool {
    if !feature {
        skip::because(format_args!("this CPU has no {name}"));
    }
    feature
}

#[test]
fn a_gather_is_one_load_an_element_wherever_the_elements_lie() {
    if !has(std::arch::is_x86_feature_detected!("avx2"), "AVX2") {
        return;
    }
    let lines = assembly(
        "for (int i = 0; i < 32; i++) ((volatile uint32_t *)p)[i] = 100 + i;
         int32_t index[4] = {0, 3, 1, 7}, mask[4] = {-1, -1, 0, -1}, out[4] = {9, 9, 9, 9};
         asm volatile(\"vmovdqu (%1), %%xmm2\\n vmovdqu (%2), %%xmm1\\n vmovdqu (%3), %%xmm3\\n\"
             \"vpgatherdd %%xmm1, (%0,%%xmm2,4), %%xmm3\\n vmovdqu %%xmm3, (%3)\"
             :: \"r\"(p), \"r\"(index), \"r\"(mask), \"r\"(out) : \"xmm1\", \"xmm2\", \"xmm3\", \"memory\");
         CHECK(out[0] == 100 && out[1] == 103 && out[2] == 9 && out[3] == 107);
         int64_t far[2] = {(int64_t)(p + 8), (int64_t)(s + 4)}, two[2] = {-1, -1}, got[2];
         asm volatile(\"vmovdqu (%0), %%xmm2\\n vmovdqu (%1), %%xmm1\\n\"
             \"vpgatherqq %%xmm1, (,%%xmm2,1), %%xmm3\\n vmovdqu %%xmm3, (%2)\"
             :: \"r\"(far), \"r\"(two), \"r\"(got) : \"xmm1\", \"xmm2\", \"xmm3\", \"memory\");
         CHECK(got[0] == (103ll << 32 | 102) && got[1] == *(int64_t *)(s + 4));",
    );
    let expected = ["R 0x0 4 0x64", "R 0xc 4 0x67", "R 0x1c 4 0x6b", "R 0x8 8 0x6700000066"];
    assert_eq!(lines[32..], expected);
}

#[test]
fn a_masked_store_is_recorded_where_the_mask_lets_it_through() {
    if !has(std::arch::is_x86_feature_detected!("avx512vl"), "AVX-512VL") {
        return;
    }
    let lines = assembly(
        "int mask = 0x8b, iota[16];
         for (int i = 0; i < 64; i++) s[i] = i / 4;
         for (int i = 0; i < 16; i++) iota[i] = i;
         asm volatile(\"kmovw %1, %%k1\\n vmovdqu32 (%2), %%zmm17\\n\"
             \"vmovdqu32 %%zmm17, 64(%0)%{%%k1%}\\n vmovdqu32 64(%0), %%zmm18%{%%k1%}%{z%}\\n\"
             \"vpcompressd %%zmm17, 256(%0)%{%%k1%}\\n\"
             \"vmovdqu32 (%3), %%zmm19\\n vpscatterdd %%zmm17, 512(%0,%%zmm19,8)%{%%k1%}\"
             :: \"r\"(p), \"r\"(mask), \"r\"(s), \"r\"(iota) : \"memory\"); ",
    );
    let expected = [
        "W 0x40 8 0x101010100000000",
        "W 0x4c 4 0x3030303",
        "W 0x5c 4 0x7070707",
        "R 0x40 8 0x101010100000000",
        "R 0x4c 4 0x3030303",
        "R 0x5c 4 0x7070707",
        "W 0x100 16 0x7070707030303030101010100000000",
        "W 0x200 4 0x0",
        "W 0x208 4 0x1010101",
        "W 0x218 4 0x3030303",
        "W 0x238 4 0x7070707",
    ];
    assert_eq!(lines, expected);
}
