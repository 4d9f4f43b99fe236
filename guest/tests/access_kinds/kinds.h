/* Kinds of access: each is run by itself, after a mark. */
#include <stdint.h>

struct kind {
	const char *name;
	/* Accesses the 4 KiB from `p` on, which is aligned to them. */
	void (*run)(char *p);
	/* Some of them are of less than 4 bytes, or not aligned: not every device takes those. */
	int narrow;
};

/* Ends with a kind that has no name. */
extern const struct kind kinds[];

/* Kinds in plain C: memcpy and memset, memcpy of odd lengths, a store by a forked child. */
void copies(char *p);
void odd_copies(char *p);
void of_a_forked_child(char *p);

/* Whether this CPU has what the kind needs. */
int can_run(const struct kind *kind);
