/* The same blocks by loops over volatile, as C programs have them. */
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

enum { WORDS = 1024, TURNS = 2000, ROUNDS = 15 };

__attribute__((noinline)) static void write_block(volatile uint32_t *to, const uint32_t *from, int n)
{
    for (int i = 0; i < n; i++)
        to[i] = from[i];
}

__attribute__((noinline)) static void read_block(uint32_t *to, const volatile uint32_t *from, int n)
{
    for (int i = 0; i < n; i++)
        to[i] = from[i];
}

__attribute__((noinline)) static void fill(volatile uint32_t *to, uint32_t value, int n)
{
    for (int i = 0; i < n; i++)
        to[i] = value;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

#define MEASURE(name, call)                                     \
    do {                                                        \
        double best = 1e18;                                     \
        for (int round = 0; round < ROUNDS; round++) {          \
            double start = now();                               \
            for (int turn = 0; turn < TURNS; turn++)            \
                call;                                           \
            double each = (now() - start) / TURNS;              \
            if (each < best)                                    \
                best = each;                                    \
        }                                                       \
        printf("%s %.1f\n", name, best);                        \
    } while (0)

int main(void)
{
    static uint32_t data[WORDS];
    uint32_t *window =
        mmap(0, 16384, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (window == MAP_FAILED)
        return 1;
    MEASURE("write", write_block(window, data, WORDS));
    MEASURE("read", read_block(data, window, WORDS));
    MEASURE("fill", fill(window, 1, WORDS));
    return 0;
}
