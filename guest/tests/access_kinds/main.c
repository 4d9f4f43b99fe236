/* Runs every kind of access on a device that is mapped from a file, each after a mark:
 *
 *     access_kinds FILE OFFSET LENGTH MARK FIRST [wide]
 *
 * The mark, a 32-bit write of the kind's number, goes to the offset MARK of the mapping. The names
 * are printed in the order of the numbers, which count from FIRST. `wide` leaves narrow kinds out. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "kinds.h"

int main(int count, char **words)
{
	if (count < 6)
		return 3;
	int fd = open(words[1], O_RDWR | O_SYNC);
	off_t offset = strtoull(words[2], 0, 0);
	size_t length = strtoull(words[3], 0, 0), at = strtoull(words[4], 0, 0);
	/* At the same address in every run, for some stores are of addresses. */
	char *window = mmap((void *)0x2000100000, length, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_FIXED, fd, offset);

	if (window == MAP_FAILED) {
		perror(words[1]);
		return 1;
	}
	volatile uint32_t *mark = (volatile uint32_t *)(window + at);
	char *place = window + 0x1000;

	/* The first store to a page may fault and be made again, so it is none of those compared. */
	*mark = 0;
	*(volatile uint32_t *)place = 0;
	uint32_t number = strtoull(words[5], 0, 0);
	for (const struct kind *kind = kinds; kind->name; kind++) {
		if ((kind->narrow && count > 6) || !can_run(kind))
			continue;
		*mark = number++;
		kind->run(place);
		puts(kind->name);
	}
	*mark = number;
	return 0;
}
