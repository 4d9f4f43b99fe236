/* A program for busprobe to mark, on a window of /dev/mem:
 *
 *     aarch64 marks OFFSET         puts marks itself
 *     aarch64 functions OFFSET     calls functions whose first instructions depend on their place
 *     aarch64 runs OFFSET STOP     steps until the file STOP is there; its first line says `ready`
 *
 * It fails when a function does not do what it should. */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define CHECK(x) do { if (!(x)) { \
	printf("line %d: not so: %s\n", __LINE__, #x); exit(9); } } while (0)

enum { ROUNDS = 50 };

static volatile uint32_t *window;
int number = 41;

int page(void), literal(void), branch(void), test(int);
char *near(void), *linked(void);
void store(volatile uint32_t *at, int value);
extern char after_link[];

asm(".text\n.balign 4\n"
    "page: adrp x0, number\n ldr w0, [x0, :lo12:number]\n ret\n"
    "near: adr x0, near\n ret\n"
    "literal: ldr w0, 1f\n ret\n1: .word 77\n"
    "branch: b 2f\n udf #0\n2: mov w0, #5\n ret\n"
    "test: cbz w0, 3f\n mov w0, #1\n ret\n3: mov w0, #2\n ret\n"
    "linked: bl 4f\nafter_link: udf #0\n4: mov x0, x30\n br x9\n"
    "store: str w1, [x0]\n ret\n"
    ".globl page, near, literal, branch, test, linked, after_link, store\n"
    ".type page, @function\n.type near, @function\n.type literal, @function\n"
    ".type branch, @function\n.type test, @function\n.type linked, @function\n"
    ".type store, @function\n");

/* `linked` loses where it was called from, and goes back by x9. */
static char *call_linked(void)
{
	register char *result asm("x0");

	asm volatile("adr x9, 5f\n b linked\n 5:" : "=r"(result) : : "x9", "x30");
	return result;
}

static void mark(const char *text)
{
	unsigned long signature = 0x6275736d61726b21;

	CHECK(prctl(0x62757370, text, strlen(text), signature, signature) == -1);
}

static void *call_all(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		CHECK(page() == 41);
		CHECK(near() == (char *)near);
		CHECK(literal() == 77 && branch() == 5);
		CHECK(test(0) == 2 && test(1) == 1);
		CHECK(call_linked() == after_link);
	}
	return unused;
}

static void functions(void)
{
	static char from[64], to[64];
	volatile size_t length = sizeof(to);
	pthread_t other;

	CHECK(pthread_create(&other, 0, call_all, 0) == 0);
	call_all(0);
	pthread_join(other, 0);
	window[1] = 1;
	memcpy(to, from, length);
	store(window, 2);
}

__attribute__((noinline)) void step(int value)
{
	window[0] = value;
}

static void runs(const char *stop)
{
	uint64_t before, after;

	memcpy(&before, (void *)step, sizeof(before));
	puts("ready");
	fflush(stdout);
	for (int i = 0; access(stop, F_OK); i++) {
		step(i);
		usleep(1000);
	}
	memcpy(&after, (void *)step, sizeof(after));
	CHECK(before == after);
}

int main(int count, char **words)
{
	CHECK(count >= 3);
	int fd = open("/dev/mem", O_RDWR | O_SYNC);

	window = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, strtoul(words[2], 0, 0));
	CHECK(window != MAP_FAILED);
	if (!strcmp(words[1], "marks")) {
		mark("first");
		window[0] = 1;
		mark("second");
		window[1] = 2;
	} else if (!strcmp(words[1], "functions")) {
		functions();
	} else {
		CHECK(count == 4);
		runs(words[3]);
	}
	return 0;
}
