// Runs instructions one by one, each from a given state of registers and memory, and writes down
// the state that it leaves. Arguments: the window's file, the cases, the file for the results.
#include <stddef.h>
#include <asm/prctl.h>
#include <sys/stat.h>

enum { WINDOW = 0x10000000, CODE = 0x20000000, MEMORY = 0x30000000, GS = 0xf000000 };
enum { PAGE = 4096, AREA = 4096, SLOT = 64 };

struct registers { uint64_t general[16], flags; };
struct input {
    struct registers registers;
    uint64_t number, area, content, patch_at, patch, length;
    uint8_t code[16];
};
struct output {
    struct registers registers;
    uint64_t signal, address;
    uint8_t area[AREA], window[PAGE], memory[PAGE];
};
struct head { uint64_t cases, areas, contents, places; };

struct registers in __attribute__((used)), out __attribute__((used));
uint64_t host_stack, target, components, from, to;
static volatile uint64_t told, told_address;
void enter(void), leave(void);

// The order of `general` is rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 to r15.
asm(".text\n.globl enter\nenter:\n"
    "push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
    "mov %rsp, host_stack(%rip)\n"
    "mov components(%rip), %eax\n xor %edx, %edx\n mov from(%rip), %rcx\n xrstor64 (%rcx)\n"
    "push in+128(%rip)\n popf\n"
    "mov in+0(%rip), %rax\n mov in+8(%rip), %rcx\n mov in+16(%rip), %rdx\n"
    "mov in+24(%rip), %rbx\n mov in+32(%rip), %rsp\n mov in+40(%rip), %rbp\n"
    "mov in+48(%rip), %rsi\n mov in+56(%rip), %rdi\n mov in+64(%rip), %r8\n"
    "mov in+72(%rip), %r9\n mov in+80(%rip), %r10\n mov in+88(%rip), %r11\n"
    "mov in+96(%rip), %r12\n mov in+104(%rip), %r13\n mov in+112(%rip), %r14\n"
    "mov in+120(%rip), %r15\n jmp *target(%rip)\n"
    ".globl leave\nleave:\n"
    "mov %rax, out+0(%rip)\n mov %rcx, out+8(%rip)\n mov %rdx, out+16(%rip)\n"
    "mov %rbx, out+24(%rip)\n mov %rsp, out+32(%rip)\n mov %rbp, out+40(%rip)\n"
    "mov %rsi, out+48(%rip)\n mov %rdi, out+56(%rip)\n mov %r8, out+64(%rip)\n"
    "mov %r9, out+72(%rip)\n mov %r10, out+80(%rip)\n mov %r11, out+88(%rip)\n"
    "mov %r12, out+96(%rip)\n mov %r13, out+104(%rip)\n mov %r14, out+112(%rip)\n"
    "mov %r15, out+120(%rip)\n"
    "mov host_stack(%rip), %rsp\n pushf\n pop out+128(%rip)\n cld\n"
    "mov components(%rip), %eax\n xor %edx, %edx\n mov to(%rip), %rcx\n xsave64 (%rcx)\n"
    "fninit\n push $0x1f80\n ldmxcsr (%rsp)\n pop %rax\n"
    "pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n");

static void handler(int signal, siginfo_t *info, void *context) {
    told = signal;
    told_address = (uint64_t)info->si_addr;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] = (uint64_t)leave;
}

static void *map_file(const char *path, int flags, size_t length) {
    int file = open(path, flags, 0600);
    struct stat about;
    CHECK(file >= 0 && !fstat(file, &about));
    if (length) CHECK(!ftruncate(file, length));
    int protection = length ? PROT_READ | PROT_WRITE : PROT_READ;
    void *place = mmap(0, length ? length : about.st_size, protection, MAP_SHARED, file, 0);
    CHECK(place != MAP_FAILED);
    return place;
}

static void *map_at(uint64_t place, size_t length, int flags, int file) {
    void *got = mmap((void *)place, length, PROT_READ | PROT_WRITE | PROT_EXEC * (file < 0),
                     flags | MAP_FIXED_NOREPLACE, file, 0);
    CHECK(got == (void *)place);
    return got;
}

int main(int count, char **words) {
    struct head *head = map_file(words[2], O_RDONLY, 0);
    struct input *cases = (void *)(head + 1);
    uint8_t *areas = (void *)(cases + head->cases);
    uint8_t *contents = areas + head->areas * AREA;
    struct output *results =
        map_file(words[3], O_RDWR | O_CREAT, head->cases * sizeof(struct output));
    uint8_t *code = map_at(CODE, head->places * SLOT, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    uint8_t *memory = map_at(MEMORY, PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    int file = open(words[1], O_RDWR);
    map_at(WINDOW, PAGE, MAP_SHARED, file);
    CHECK(!syscall(SYS_arch_prctl, ARCH_SET_GS, GS));

    static uint8_t stack[65536], image[AREA] __attribute__((aligned(64)));
    static uint8_t area[AREA] __attribute__((aligned(64)));
    CHECK(!sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, 0));
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    for (int i = 0; i < 4; i++) CHECK(!sigaction(signals[i], &action, 0));

    uint32_t low, high;
    asm("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    components = low & 0xe7;
    from = (uint64_t)image;
    to = (uint64_t)area;
    for (uint64_t i = 0; i < head->cases; i++) {
        struct input *input = cases + i;
        struct output *output = results + i;
        uint8_t content[2 * PAGE], *place = code + input->number * SLOT;
        memcpy(place, input->code, input->length);
        memcpy(place + input->length, "\xff\x25\0\0\0\0", 6);
        uint64_t end = (uint64_t)leave;
        memcpy(place + input->length + 6, &end, 8);
        memcpy(content, contents + input->content * sizeof content, sizeof content);
        if (input->patch_at < PAGE) memcpy(content + input->patch_at, &input->patch, 8);
        CHECK(pwrite(file, content, PAGE, 0) == PAGE);
        memcpy(memory, content + PAGE, PAGE);
        memcpy(image, areas + input->area * AREA, AREA);
        memset(area, 0, AREA);
        in = input->registers;
        target = (uint64_t)place;
        told = told_address = 0;
        enter();
        output->registers = out;
        output->signal = told;
        output->address = told_address;
        memcpy(output->area, area, AREA);
        CHECK(pread(file, output->window, PAGE, 0) == PAGE);
        memcpy(output->memory, memory, PAGE);
    }
    return 0;
}
