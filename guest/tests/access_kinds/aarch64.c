/* The kinds of load and store that a compiler or libc emits for AArch64. */
#include "kinds.h"

#define VALUE 0x1122334455667788

/* `p` is %0 and the value %1. */
#define RUN(code) \
	__asm__ volatile(code :: "r"(p), "r"(VALUE) : "x9", "x10", "x11", "x12", "x13", \
			 "v0", "v1", "v2", "v3", "v4", "v5", "memory")

/* Four vectors with different lanes. */
#define VECTORS \
	"dup	v0.2d, %1\n" \
	"mov	v1.16b, v0.16b\n" \
	"mov	v1.s[1], wzr\n" \
	"mov	v2.16b, v1.16b\n" \
	"mov	v3.16b, v0.16b\n"

static void narrow_stores(char *p)
{
	RUN("strb	%w1, [%0]\n"
	    "strh	%w1, [%0, #2]\n");
}

static void narrow_loads(char *p)
{
	RUN("ldrb	w9, [%0]\n"
	    "ldrsh	x9, [%0, #2]\n");
}

static void stores(char *p)
{
	RUN("str	%w1, [%0, #4]\n"
	    "str	%1, [%0, #8]\n"
	    "stur	%w1, [%0, #20]\n"
	    "stlr	%w1, [%0]\n");
}

static void loads(char *p)
{
	RUN("ldr	w9, [%0]\n"
	    "ldr	x9, [%0, #8]\n"
	    "ldrsw	x9, [%0, #4]\n"
	    "ldar	w9, [%0]\n");
}

static void pairs(char *p)
{
	RUN("stp	%w1, wzr, [%0, #16]\n"
	    "stp	%1, xzr, [%0, #32]\n"
	    "stnp	%1, %1, [%0, #48]\n"
	    "ldp	x9, x10, [%0, #16]\n"
	    "ldpsw	x9, x10, [%0, #16]\n");
}

static void writeback(char *p)
{
	RUN("mov	x11, %0\n"
	    "str	%w1, [x11], #8\n"
	    "str	%w1, [x11, #8]!\n"
	    "stp	%1, %1, [x11], #16\n"
	    "ldp	w9, w10, [x11, #-16]!\n"
	    "str	%w1, [x11]\n");
}

static void register_offsets(char *p)
{
	RUN("mov	x12, #4\n"
	    "str	%w1, [%0, x12]\n"
	    "str	%w1, [%0, x12, lsl #2]\n"
	    "add	x11, %0, #16\n"
	    "mov	w12, #-4\n"
	    "ldr	w9, [x11, w12, sxtw]\n");
}

static void base_is_data(char *p)
{
	RUN("mov	x11, %0\n"
	    "str	x11, [x11]\n"
	    "stp	x11, x11, [x11, #16]\n"
	    "ldr	x11, [x11, #8]\n"
	    "mov	x11, %0\n"
	    "ldp	x11, x12, [x11]\n");
}

static void base_is_stack_pointer(char *p)
{
	RUN("mov	x11, sp\n"
	    "add	x9, %0, #64\n"
	    "mov	sp, x9\n"
	    "str	wzr, [sp, #16]\n"
	    "stp	xzr, xzr, [sp, #-16]!\n"
	    "ldp	x12, x13, [sp], #16\n"
	    "mov	x12, sp\n"
	    "mov	sp, x11\n"
	    "str	x12, [x12, #8]\n");
}

static void narrow_vectors(char *p)
{
	RUN(VECTORS
	    "str	b1, [%0]\n"
	    "str	h1, [%0, #2]\n");
}

static void vectors(char *p)
{
	RUN(VECTORS
	    "str	s1, [%0, #4]\n"
	    "str	d1, [%0, #8]\n"
	    "str	q1, [%0, #16]\n"
	    "stp	s0, s1, [%0, #32]\n"
	    "stp	d0, d1, [%0, #32]\n"
	    "stp	q0, q1, [%0, #32]\n"
	    "ldr	q4, [%0]\n"
	    "ldp	q4, q5, [%0]\n");
}

static void vector_structures(char *p)
{
	RUN(VECTORS
	    "st1	{v1.4s}, [%0]\n"
	    "st1	{v0.2d-v3.2d}, [%0]\n"
	    "st2	{v0.4s, v1.4s}, [%0]\n"
	    "st4	{v0.2d-v3.2d}, [%0]\n"
	    "st1	{v1.s}[1], [%0]\n"
	    "ld1	{v4.2d, v5.2d}, [%0]\n");
}

static void byte_structures(char *p)
{
	RUN(VECTORS
	    "st1	{v0.16b-v3.16b}, [%0]\n"
	    "ld1	{v4.16b, v5.16b}, [%0]\n");
}

const struct kind kinds[] = {
	{ "narrow stores", narrow_stores, 1 },
	{ "narrow loads", narrow_loads, 1 },
	{ "stores", stores, 0 },
	{ "loads", loads, 0 },
	{ "pairs", pairs, 0 },
	{ "writeback", writeback, 0 },
	{ "register offsets", register_offsets, 0 },
	{ "base is data", base_is_data, 0 },
	{ "base is the stack pointer", base_is_stack_pointer, 0 },
	{ "narrow vectors", narrow_vectors, 1 },
	{ "vectors", vectors, 0 },
	{ "vector structures", vector_structures, 0 },
	{ "byte structures", byte_structures, 1 },
	{ "memcpy and memset", copies, 0 },
	{ "odd memcpy", odd_copies, 1 },
	{ "a forked child", of_a_forked_child, 0 },
	{ 0, 0, 0 },
};

int can_run(const struct kind *kind)
{
	(void)kind;
	return 1;
}
