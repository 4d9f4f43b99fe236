/* The kinds of load and store of x86-64, as compilers, libc and hand-written code have them. */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kinds.h"

#define VALUE 0x1122334455667788

/* `p` is in rdi and the value in rax. */
#define RUN(code) do { \
	char *rdi = p; \
	uint64_t rax = VALUE; \
	__asm__ volatile(code : "+D"(rdi), "+a"(rax) :: "rbx", "rcx", "rdx", "rsi", "r8", "r9", \
			 "r15", "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3"); \
} while (0)

/* Two vectors with different lanes. */
#define VECTORS \
	"movq	%%rax, %%xmm0\n" \
	"movq	%%rdi, %%xmm1\n" \
	"punpcklqdq	%%xmm1, %%xmm0\n" \
	"pshufd	$0x1b, %%xmm0, %%xmm1\n"

#define WIDE_VECTORS VECTORS \
	"vinserti128	$1, %%xmm1, %%ymm0, %%ymm0\n"

static void narrow_stores(char *p)
{
	RUN("movb	%%al, (%%rdi)\n"
	    "movw	%%ax, 2(%%rdi)\n"
	    "movb	%%ah, 5(%%rdi)\n"
	    "movb	$7, 1(%%rdi)\n"
	    "movw	$0x1234, 6(%%rdi)\n"
	    "sete	8(%%rdi)\n");
}

static void narrow_loads(char *p)
{
	RUN("movb	(%%rdi), %%al\n"
	    "movw	2(%%rdi), %%ax\n"
	    "movzbl	1(%%rdi), %%ecx\n"
	    "movswq	4(%%rdi), %%rcx\n");
}

static void unaligned(char *p)
{
	RUN("movl	%%eax, 0x21(%%rdi)\n"
	    "movq	%%rax, 0x33(%%rdi)\n"
	    "movw	%%ax, 0x43(%%rdi)\n"
	    "movl	0x21(%%rdi), %%ecx\n"
	    "movq	0x33(%%rdi), %%rcx\n");
}

static void stores(char *p)
{
	RUN("movl	%%eax, (%%rdi)\n"
	    "movq	%%rax, 8(%%rdi)\n"
	    "movl	$0x12345678, 16(%%rdi)\n"
	    "movq	$-2, 24(%%rdi)\n"
	    "movnti	%%eax, 32(%%rdi)\n"
	    "movnti	%%rax, 40(%%rdi)\n"
	    "movl	$4, %%ecx\n"
	    "movl	%%eax, 4(%%rdi,%%rcx,8)\n");
}

static void loads(char *p)
{
	RUN("movl	(%%rdi), %%ecx\n"
	    "movq	8(%%rdi), %%rcx\n"
	    "movslq	16(%%rdi), %%rcx\n"
	    "movl	$2, %%edx\n"
	    "movl	(%%rdi,%%rdx,4), %%ecx\n"
	    "cmovzl	(%%rdi), %%ecx\n");
}

/* What they load is not in a register afterwards. */
static void loads_that_compare(char *p)
{
	RUN("cmpl	%%eax, (%%rdi)\n"
	    "testl	$1, 4(%%rdi)\n"
	    "cmpq	$0, 8(%%rdi)\n"
	    "btl	$3, (%%rdi)\n"
	    "addl	(%%rdi), %%ecx\n"
	    "imull	(%%rdi), %%ecx\n");
}

static void updates(char *p)
{
	RUN("orl	$4, (%%rdi)\n"
	    "addl	%%eax, 4(%%rdi)\n"
	    "incl	8(%%rdi)\n"
	    "notq	16(%%rdi)\n"
	    "negl	(%%rdi)\n"
	    "shll	$3, (%%rdi)\n"
	    "andq	%%rax, 24(%%rdi)\n"
	    "btsl	$5, (%%rdi)\n");
}

static void narrow_updates(char *p)
{
	RUN("orb	$4, 1(%%rdi)\n"
	    "addw	%%ax, 2(%%rdi)\n");
}

static void locked(char *p)
{
	RUN("lock addl	%%eax, (%%rdi)\n"
	    "lock incl	4(%%rdi)\n"
	    "lock orq	$1, 8(%%rdi)\n"
	    "movl	$3, %%ecx\n"
	    "xchgl	%%ecx, (%%rdi)\n"
	    "lock xaddl	%%ecx, 4(%%rdi)\n"
	    "movl	$77, %%ecx\n"
	    "xorl	%%eax, %%eax\n"
	    "lock cmpxchgl	%%ecx, 16(%%rdi)\n"
	    "movl	$5, %%eax\n"
	    "lock cmpxchgl	%%ecx, 16(%%rdi)\n");
}

static void base_is_data(char *p)
{
	RUN("movq	%%rdi, (%%rdi)\n"
	    "movl	%%edi, 8(%%rdi)\n"
	    "movq	%%rdi, %%rcx\n"
	    "movq	(%%rcx), %%rcx\n"
	    "movq	%%rdi, %%rcx\n"
	    "xchgq	%%rcx, 16(%%rcx)\n");
}

static void stack(char *p)
{
	RUN("movq	%%rsp, %%r15\n"
	    "leaq	0x80(%%rdi), %%rsp\n"
	    "pushq	%%rax\n"
	    "pushq	$5\n"
	    "pushq	%%rsp\n"
	    "popq	%%rcx\n"
	    "popq	%%rdx\n"
	    "pushq	(%%rdi)\n"
	    "popq	8(%%rdi)\n"
	    "movl	%%eax, 16(%%rsp)\n"
	    "movq	%%r15, %%rsp\n");
}

static void other_segment(char *p)
{
	syscall(SYS_arch_prctl, ARCH_SET_GS, p);
	RUN("movl	%%eax, %%gs:8\n"
	    "movl	%%gs:16, %%ecx\n");
	syscall(SYS_arch_prctl, ARCH_SET_GS, 0);
}

static void absolute_address(char *p)
{
	(void)p;
	RUN("movabsl	%%eax, 0x2000101040\n"
	    "movabsq	0x2000101040, %%rax\n");
}

static void strings(char *p)
{
	static uint32_t block[64] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	register uint32_t *words __asm__("r8") = block;

	__asm__ volatile("" : "+r"(words));
	RUN("movq	%%rdi, %%r9\n"
	    "movq	%%r8, %%rsi\n"
	    "movsl\n"
	    "movl	$7, %%ecx\n"
	    "rep movsl\n"
	    "movq	%%r9, %%rdi\n"
	    "movl	$6, %%ecx\n"
	    "rep stosl\n"
	    "stosl\n"
	    "movl	$3, %%ecx\n"
	    "movq	%%r9, %%rdi\n"
	    "rep stosq\n"
	    "movq	%%r9, %%rsi\n"
	    "movq	%%r8, %%rdi\n"
	    "movl	$5, %%ecx\n"
	    "rep movsq\n"
	    "movq	%%r9, %%rsi\n"
	    "lodsl\n"
	    /* From the window to the window, downwards. */
	    "leaq	0x40(%%r9), %%rsi\n"
	    "leaq	0x80(%%r9), %%rdi\n"
	    "movl	$4, %%ecx\n"
	    "std\n"
	    "rep movsl\n"
	    "cld\n"
	    "movq	%%r9, %%rdi\n"
	    "xorl	%%ecx, %%ecx\n"
	    "rep stosl\n"
	    "movl	$4, %%ecx\n"
	    "movl	$-7, %%eax\n"
	    "repne scasl\n");
}

static void byte_strings(char *p)
{
	static char block[64] = "any text will do";
	register char *bytes __asm__("r8") = block;

	__asm__ volatile("" : "+r"(bytes));
	RUN("movq	%%r8, %%rsi\n"
	    "movl	$13, %%ecx\n"
	    "rep movsb\n"
	    "movl	$5, %%ecx\n"
	    "rep stosb\n"
	    "movl	$3, %%ecx\n"
	    "rep stosw\n");
}

static void x87(char *p)
{
	RUN("fld1\n"
	    "fsts	(%%rdi)\n"
	    "fstpl	8(%%rdi)\n"
	    "flds	(%%rdi)\n"
	    "fistpl	16(%%rdi)\n"
	    "fildll	24(%%rdi)\n"
	    "fistpll	24(%%rdi)\n");
}

static void vectors(char *p)
{
	RUN(VECTORS
	    "movups	%%xmm0, (%%rdi)\n"
	    "movaps	%%xmm1, 16(%%rdi)\n"
	    "movdqu	%%xmm0, 32(%%rdi)\n"
	    "movntdq	%%xmm0, 48(%%rdi)\n"
	    "movss	%%xmm0, 4(%%rdi)\n"
	    "movsd	%%xmm0, 8(%%rdi)\n"
	    "movd	%%xmm1, 12(%%rdi)\n"
	    "movq	%%xmm1, 16(%%rdi)\n"
	    "movhps	%%xmm0, 24(%%rdi)\n"
	    "pextrd	$2, %%xmm0, (%%rdi)\n"
	    "movups	(%%rdi), %%xmm2\n"
	    "movdqa	16(%%rdi), %%xmm2\n"
	    "movss	(%%rdi), %%xmm2\n"
	    "movhps	8(%%rdi), %%xmm2\n"
	    "paddd	32(%%rdi), %%xmm2\n");
}

static void wide_vectors(char *p)
{
	RUN(WIDE_VECTORS
	    "vmovdqu	%%ymm0, (%%rdi)\n"
	    "vmovdqa	%%ymm0, 32(%%rdi)\n"
	    "vmovntdq	%%ymm0, 64(%%rdi)\n"
	    "vextracti128	$1, %%ymm0, 16(%%rdi)\n"
	    "vmovdqu	(%%rdi), %%ymm2\n"
	    "vbroadcastss	4(%%rdi), %%ymm2\n"
	    "vpaddd	32(%%rdi), %%ymm0, %%ymm2\n"
	    "vzeroupper\n");
}

static void unaligned_vectors(char *p)
{
	RUN(VECTORS
	    "movups	%%xmm0, 4(%%rdi)\n"
	    "movups	%%xmm0, 0x21(%%rdi)\n"
	    "movups	0x44(%%rdi), %%xmm2\n");
}

/* The first, the second and the last lane. */
#define MASK \
	"vpcmpeqd	%%xmm2, %%xmm2, %%xmm2\n" \
	"movl	$0x00ff00ff, %%ecx\n" \
	"vmovd	%%ecx, %%xmm3\n" \
	"vpslldq	$8, %%xmm2, %%xmm2\n" \
	"vpshufd	$0x8a, %%xmm2, %%xmm2\n"

/* Stores alone: QEMU loads the other lanes too. */
static void masked(char *p)
{
	RUN(VECTORS MASK
	    "vmaskmovps	%%xmm0, %%xmm2, (%%rdi)\n"
	    "vpmaskmovd	%%xmm0, %%xmm2, 16(%%rdi)\n"
	    "maskmovdqu	%%xmm3, %%xmm0\n"
	    "vzeroupper\n");
}

static void gathers(char *p)
{
	static const uint32_t places[4] __attribute__((aligned(16))) = { 4, 0, 12, 9 };
	register const uint32_t *r8 __asm__("r8") = places;

	__asm__ volatile("" : "+r"(r8));
	RUN("vmovdqa	(%%r8), %%xmm1\n"
	    "vpcmpeqd	%%xmm2, %%xmm2, %%xmm2\n"
	    "vpgatherdd	%%xmm2, (%%rdi,%%xmm1,4), %%xmm0\n"
	    "vpcmpeqd	%%xmm2, %%xmm2, %%xmm2\n"
	    "vpgatherdq	%%xmm2, (%%rdi,%%xmm1,8), %%xmm0\n"
	    MASK
	    "vpgatherdd	%%xmm2, (%%rdi,%%xmm1,4), %%xmm0\n"
	    "vzeroupper\n");
}

/* They name a place in the window and neither load nor store there. */
static void nothing(char *p)
{
	RUN("prefetcht0	(%%rdi)\n"
	    "clflush	(%%rdi)\n"
	    "leaq	8(%%rdi), %%rcx\n"
	    "nopl	(%%rdi)\n");
}

static void copies_to_long_ones(char *p)
{
	static char block[2304];

	copies(p);
	for (int i = 0; i < 2304; i++)
		block[i] = i;
	/* Where libc begins to copy with `rep movsb`. */
	memcpy(p + 0x400, block, 2304);
}

static void odd_copies_and_a_move(char *p)
{
	odd_copies(p);
	memmove(p + 0x404, p + 0x400, 40);
}

#define CHECK(so) do { \
	if (!(so)) { \
		printf("line %d: not so: %s\n", __LINE__, #so); \
		exit(1); \
	} \
} while (0)

/* What libc registers: the structure as it first was. */
#define RSEQ_BYTES 32

static sigjmp_buf refused;
static siginfo_t told;

static void on_refusal(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)context;
	told = *info;
	siglongjmp(refused, 1);
}

/* The access at `p` + 8 has to be refused because of the key. */
#define REFUSED(code) do { \
	if (!sigsetjmp(refused, 1)) { \
		RUN(code "\n"); \
		CHECK(!"refused: " code); \
	} \
	CHECK(told.si_code == SEGV_PKUERR && told.si_pkey == (unsigned)key); \
	CHECK(told.si_addr == p + 8); \
} while (0)

static void protection_keys(char *p)
{
	struct sigaction action = { .sa_sigaction = on_refusal, .sa_flags = SA_SIGINFO };
	int key = pkey_alloc(0, 0), ends[2];

	sigaction(SIGSEGV, &action, 0);
	CHECK(pkey_mprotect(p, 4096, PROT_READ | PROT_WRITE, key) == 0);
	RUN("movl	%%eax, 8(%%rdi)\n"
	    "incl	8(%%rdi)\n"
	    "movl	8(%%rdi), %%ecx\n");
	pkey_set(key, PKEY_DISABLE_WRITE);
	RUN("cmpl	$5, 8(%%rdi)\n");
	REFUSED("movl	%%eax, 8(%%rdi)");
	REFUSED("incl	8(%%rdi)");
	pkey_set(key, PKEY_DISABLE_ACCESS);
	REFUSED("movl	8(%%rdi), %%ecx");
	REFUSED("cmpl	$5, 8(%%rdi)");
	REFUSED("fildl	8(%%rdi)");
	REFUSED("addq	$8, %%rdi\n	movl	$2, %%ecx\n	rep stosl");
	CHECK(pipe(ends) == 0 && write(ends[1], "four", 4) == 4);
	CHECK(read(ends[0], p + 8, 4) == -1 && errno == EFAULT);
	/* What has no key of its own keeps the one that it has. */
	CHECK(mprotect(p, 4096, PROT_READ | PROT_WRITE) == 0);
	REFUSED("movl	%%eax, 8(%%rdi)");
	pkey_set(key, 0);
	RUN("movl	%%eax, 8(%%rdi)\n");

	/* One call for the window and for memory beside it. */
	char *beside = p - 0x2000;

	CHECK(mmap(beside, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
	      beside);
	CHECK(pkey_mprotect(p, 4096, PROT_READ | PROT_WRITE, 0) == 0);
	CHECK(pkey_mprotect(beside, 0x3000, PROT_READ | PROT_WRITE, key) == 0);
	pkey_set(key, PKEY_DISABLE_WRITE);
	REFUSED("movl	%%eax, 8(%%rdi)");
	pkey_set(key, 0);

	/* The thread denies itself all memory without a key, so also its stack. The kernel would end
	 * it where it is to write to its structure for restartable sequences. */
	syscall(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset, RSEQ_BYTES,
		RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
	RUN("xorl	%%ecx, %%ecx\n"
	    "rdpkru\n"
	    "movl	%%eax, %%r8d\n"
	    "movl	$3, %%eax\n"
	    "wrpkru\n"
	    "movl	%%eax, 8(%%rdi)\n"
	    "cmpl	$5, 8(%%rdi)\n"
	    "movl	%%r8d, %%eax\n"
	    "wrpkru\n");
	CHECK(pkey_mprotect(beside, 0x3000, PROT_READ | PROT_WRITE, 0) == 0);
	CHECK(munmap(beside, 4096) == 0 && pkey_free(key) == 0);
	close(ends[0]), close(ends[1]);
	signal(SIGSEGV, SIG_DFL);
}

static int has_protection_keys(void)
{
	int key = pkey_alloc(0, 0);

	return key >= 0 && pkey_free(key) == 0;
}

const struct kind kinds[] = {
	{ "narrow stores", narrow_stores, 1 },
	{ "narrow loads", narrow_loads, 1 },
	{ "unaligned", unaligned, 1 },
	{ "stores", stores, 0 },
	{ "loads", loads, 0 },
	{ "loads that compare", loads_that_compare, 0 },
	{ "updates", updates, 0 },
	{ "narrow updates", narrow_updates, 1 },
	{ "locked", locked, 0 },
	{ "base is data", base_is_data, 0 },
	{ "stack", stack, 0 },
	{ "another segment", other_segment, 0 },
	{ "absolute address", absolute_address, 0 },
	{ "strings", strings, 0 },
	{ "byte strings", byte_strings, 1 },
	{ "x87", x87, 0 },
	{ "vectors", vectors, 0 },
	{ "wide vectors", wide_vectors, 0 },
	{ "unaligned vectors", unaligned_vectors, 1 },
	{ "masked", masked, 1 },
	{ "gathers", gathers, 0 },
	{ "nothing", nothing, 0 },
	{ "memcpy and memset", copies_to_long_ones, 1 },
	{ "odd memcpy", odd_copies_and_a_move, 1 },
	{ "protection keys", protection_keys, 0 },
	{ "a forked child", of_a_forked_child, 0 },
	{ 0, 0, 0 },
};

int can_run(const struct kind *kind)
{
	int wants_avx2 = kind->run == wide_vectors || kind->run == masked || kind->run == gathers;

	if (kind->run == protection_keys)
		return has_protection_keys();
	return !wants_avx2 || __builtin_cpu_supports("avx2");
}
