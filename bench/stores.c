/* stores FILE COUNT WORDS STEP [loads]: COUNT 4-byte stores to the first WORDS words of the mapped
 * file in turn, each of a value greater by STEP; or as many loads. The file is mapped where tools
 * that watch addresses are told to look. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

__attribute__((noinline)) void ready(void)
{
    __asm__ volatile("");
}

int main(int count, char **words)
{
    int fd = count >= 5 ? open(words[1], O_RDWR) : -1;
    volatile uint32_t *window = mmap((void *)0x2000000000, 4096, PROT_READ | PROT_WRITE,
                                     MAP_SHARED | MAP_FIXED, fd, 0);
    if (window == MAP_FAILED)
        return 1;
    ready();
    long accesses = atol(words[2]), in_turn = atol(words[3]), step = atol(words[4]);
    if (count > 5)
        for (long i = 0; i < accesses; i++)
            (void)window[i % in_turn];
    else
        for (long i = 0; i < accesses; i++)
            window[i % in_turn] = 5 + i * step;
    return 0;
}
