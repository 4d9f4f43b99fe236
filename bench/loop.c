/* loop FILE COUNT LOADS: COUNT 4-byte stores to the mapped file's first word, and before each of
 * them LOADS 4-byte loads of ordinary memory. Also a library with the loop alone. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

static volatile uint32_t ordinary[1024];

void loop(volatile uint32_t *word, uint32_t count, uint32_t loads)
{
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < loads; j++)
            (void)ordinary[j];
        *word = i;
    }
}

int main(int count, char **words)
{
    int fd = count == 4 ? open(words[1], O_RDWR) : -1;
    void *window = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (window == MAP_FAILED)
        return 1;
    loop(window, atol(words[2]), atol(words[3]));
    return 0;
}
