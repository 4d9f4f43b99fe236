/* Loads and stores of many kinds, aligned, on the window that is mapped from /dev/mem. */
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void general(char *p, uint64_t value)
{
	__asm__ volatile(
		"strb	%w0, [%1]\n"
		"strh	%w0, [%1, #2]\n"
		"str	%w0, [%1, #4]\n"
		"str	%0, [%1, #8]\n"
		"stur	%w0, [%1, #-4]\n"
		"stp	%w0, wzr, [%1, #16]\n"
		"stp	%0, xzr, [%1, #32]\n"
		"stnp	%0, %0, [%1, #48]\n"
		"stlr	%w0, [%1]\n"
		"ldrb	w9, [%1]\n"
		"ldrsh	x9, [%1, #2]\n"
		"ldrsw	x9, [%1, #4]\n"
		"ldp	x9, x10, [%1, #16]\n"
		"ldpsw	x9, x10, [%1, #16]\n"
		"ldar	w9, [%1]\n"
		"mov	x11, %1\n"
		"str	%w0, [x11], #8\n"
		"str	%w0, [x11, #8]!\n"
		"stp	%0, %0, [x11], #16\n"
		"ldp	w9, w10, [x11, #-16]!\n"
		"str	%w0, [x11]\n"
		"mov	x12, #4\n"
		"str	%w0, [%1, x12]\n"
		"str	%w0, [%1, x12, lsl #2]\n"
		"mov	w12, #-4\n"
		"ldr	w9, [%1, w12, sxtw]\n"
		:: "r"(value), "r"(p) : "x9", "x10", "x11", "x12", "memory");
}

/* The base register is stored, loaded, or the stack pointer. */
static void bases(char *p)
{
	__asm__ volatile(
		"mov	x11, %0\n"
		"str	x11, [x11]\n"
		"stp	x11, x11, [x11, #16]\n"
		"ldr	x11, [x11, #8]\n"
		"mov	x11, %0\n"
		"ldp	x11, x12, [x11]\n"
		"mov	x11, sp\n"
		"mov	sp, %0\n"
		"str	wzr, [sp, #16]\n"
		"stp	xzr, xzr, [sp, #-16]!\n"
		"ldp	x12, x13, [sp], #16\n"
		"mov	x12, sp\n"
		"mov	sp, x11\n"
		"str	x12, [x12, #8]\n"
		:: "r"(p) : "x11", "x12", "x13", "memory");
}

static void vectors(char *p, uint64_t value)
{
	__asm__ volatile(
		"dup	v0.2d, %0\n"
		"mov	v1.16b, v0.16b\n"
		"mov	v1.s[1], wzr\n"
		"mov	v2.16b, v1.16b\n"
		"mov	v3.16b, v0.16b\n"
		"str	b1, [%1]\n"
		"str	h1, [%1, #2]\n"
		"str	s1, [%1, #4]\n"
		"str	d1, [%1, #8]\n"
		"str	q1, [%1, #16]\n"
		"stp	s0, s1, [%1, #32]\n"
		"stp	d0, d1, [%1, #32]\n"
		"stp	q0, q1, [%1, #32]\n"
		"st1	{v1.4s}, [%1]\n"
		"st1	{v0.16b-v3.16b}, [%1]\n"
		"st2	{v0.4s, v1.4s}, [%1]\n"
		"st4	{v0.2d-v3.2d}, [%1]\n"
		"st1	{v1.s}[1], [%1]\n"
		"ldr	q4, [%1]\n"
		"ld1	{v4.16b, v5.16b}, [%1]\n"
		"ldp	q4, q5, [%1]\n"
		:: "r"(value), "r"(p) : "v0", "v1", "v2", "v3", "v4", "v5", "memory");
}

int main(void)
{
	static char block[1024];
	int fd = open("/dev/mem", O_RDWR | O_SYNC);
	/* At the same address in every run, for some stores are of addresses. */
	char *p = mmap((void *)0x2000100000, 16384, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED, fd, 0x0a000000);

	if (p == MAP_FAILED)
		return 1;
	general(p + 0x100, 0x1122334455667788);
	bases(p + 0x200);
	vectors(p + 0x300, 0x0102030405060708);
	for (int i = 0; i < 1024; i++)
		block[i] = i;
	for (int n = 8; n <= 1024; n *= 2)
		memcpy(p + 0x400, block, n);
	pid_t child = fork();
	if (child == 0) {
		*(volatile uint32_t *)(p + 4) = 3;
		_exit(4);
	}
	int status;
	return waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 4 ? 0 : 2;
}
