/* What memory takes and few devices do, on a window that is a file: exclusives, blocks of zeros.
 *
 *     memory_window FILE
 *
 * Says of each kind what came of it. */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { LENGTH = 8192, ADDED = 100 };

static void *add(void *counter)
{
	for (int i = 0; i < ADDED; i++)
		__atomic_fetch_add((uint32_t *)counter, 1, __ATOMIC_SEQ_CST);
	return 0;
}

int main(int count, char **words)
{
	if (count != 2)
		return 3;
	char *w = mmap(0, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, open(words[1], O_RDWR), 0);

	if (w == MAP_FAILED) {
		perror(words[1]);
		return 1;
	}
	/* The first store to a page faults, and an exclusive one is begun again. */
	for (int page = 0; page < LENGTH; page += 4096)
		*(volatile char *)(w + page) = 0;

	uint32_t *word = (uint32_t *)(w + 0x10);
	uint64_t *wide = (uint64_t *)(w + 0x20);

	printf("%u", __atomic_fetch_add(word, 7, __ATOMIC_SEQ_CST));
	printf(" %u", __atomic_fetch_or(word, 0x30, __ATOMIC_RELAXED));
	printf(" %u\n", __atomic_exchange_n((uint8_t *)w, 9, __ATOMIC_SEQ_CST));
	uint32_t expected = 5;

	/* Leaves before its store, and then does not. */
	for (int i = 0; i < 2; i++)
		printf("%d %u\n", __atomic_compare_exchange_n(word, &expected, 77, 0, __ATOMIC_SEQ_CST,
							      __ATOMIC_SEQ_CST), expected);
	uint64_t low, high;
	uint32_t status = 1;

	__asm__ volatile("1: ldaxp	%0, %1, [%3]\n"
		"add	%0, %0, #3\n"
		"mvn	%1, %1\n"
		"stlxp	%w2, %0, %1, [%3]\n"
		"cbnz	%w2, 1b\n"
		: "=&r"(low), "=&r"(high), "=&r"(status) : "r"(wide) : "memory");
	printf("%lu %lx %u\n", low, high, status);
	/* An address of its own as what is stored, and a base that another instruction moves. */
	__asm__ volatile("1: ldxr	%0, [%2]\n"
		"stxr	%w1, %2, [%2]\n"
		"cbnz	%w1, 1b\n"
		: "=&r"(low), "=&r"(status) : "r"(w + 0x30) : "memory");
	printf("%lu %d\n", low, *(char **)(w + 0x30) == w + 0x30);
	/* With another load between them, which nobody should have there. Its store succeeds or not. */
	__asm__ volatile("ldxr	%w0, [%2]\n"
		"ldr	%w1, [%4]\n"
		"stxr	%w1, %w3, [%2]\n"
		: "=&r"(low), "=&r"(status) : "r"(w + 0x38), "r"(4), "r"(words) : "memory");

	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], 0, add, w + 0x40);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], 0);
	printf("%u\n", *(uint32_t *)(w + 0x40));

	memset(w + 0x1000, 0xff, 1024);
	memset(w + 0x1000, 0, 1024);
	printf("%d %d\n", w[0x1000], w[0x13ff]);
	return 0;
}
