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

/* Whether this CPU has what the kind needs. */
int can_run(const struct kind *kind);
