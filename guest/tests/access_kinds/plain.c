/* Accesses of plain C, whatever the CPU. */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kinds.h"

void copies(char *p)
{
	static char block[1024];

	for (int i = 0; i < 1024; i++)
		block[i] = i;
	for (int n = 8; n <= 1024; n *= 2)
		memcpy(p + 0x400, block, n);
	memcpy(block, p, 256);
	memset(p, 0x5a, 64);
}

void odd_copies(char *p)
{
	static char block[128] = "any text will do";

	for (int n = 1; n < 100; n += 7)
		memcpy(p + 0x400, block, n);
}

void of_a_forked_child(char *p)
{
	pid_t child = fork();

	if (child == 0) {
		*(volatile uint32_t *)(p + 4) = 3;
		_exit(0);
	}
	waitpid(child, 0, 0);
}
