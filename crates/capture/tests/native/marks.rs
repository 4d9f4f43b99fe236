//! Marks of the program.

use busprobe_trace::{Event, Mark};

use crate::program::{Bench, Run};

/// A C program that can put marks, then `body`.
pub(crate) fn marking(body: &str) -> String {
    format!(
        "#define MARK(text, length) prctl({:#x}, text, length, {:#x}, {1:#x})\n\
         static void mark(const char *text) {{ MARK(text, strlen(text)); }}\n#line 1\n{body}",
        busprobe_mark::OPTION,
        busprobe_mark::SIGNATURE,
    )
}

impl Run {
    pub(crate) fn marks(&self) -> Vec<&Mark> {
        let marks = self.trace.events.iter().filter_map(|event| match event {
            Event::Mark(mark) => Some(mark),
            _ => None,
        });
        marks.collect()
    }

    /// `MARK text`, and accesses as in [`Run::beats`].
    pub(crate) fn story(&self) -> Vec<String> {
        let mut beats = self.beats().into_iter();
        let line = |event: &Event| match event {
            Event::Mark(mark) => Some(format!("MARK {}", mark.text)),
            Event::Access(_) => beats.next(),
            _ => None,
        };
        self.trace.events.iter().filter_map(line).collect()
    }
}

#[test]
fn a_mark_lies_between_the_accesses_around_it() {
    let run = Bench::new()
        .trace(&marking(
            "int main(int c, char **v) { mark(\"start\"); window(v); w[0] = 1; mark(\"second\"); \
             w[1] = 2; return 0; }",
        ))
        .succeeded();
    assert_eq!(run.story(), ["MARK start", "W0/4", "MARK second", "W4/4"]);
    let times: Vec<_> = run.marks().iter().map(|mark| mark.time_ns).collect();
    assert!(times[0].is_some() && times[0] < times[1], "{times:?}");
}

#[test]
fn threads_and_children_put_marks_of_their_own() {
    let run = Bench::new()
        .trace(&marking(
            "void *other(void *x) { mark(\"thread\"); return 0; }
             int main(int c, char **v) {
                 window(v);
                 mark(\"first\");
                 pthread_t t; pthread_create(&t, 0, other, 0); pthread_join(t, 0);
                 if (!fork()) { mark(\"child\"); _exit(0); }
                 wait(0);
                 return 0;
             }",
        ))
        .succeeded();
    let texts: Vec<_> = run.marks().iter().map(|mark| mark.text.as_str()).collect();
    assert_eq!(texts, ["first", "thread", "child"]);
    let mut threads: Vec<_> = run.marks().iter().map(|mark| mark.thread).collect();
    threads.dedup();
    assert_eq!(threads.len(), 3, "{threads:?}");
}

#[test]
fn a_mark_is_put_once_where_every_call_is_stopped_at() {
    // A window at an address of the program's choice is one that the filter does not know.
    let run = Bench::new()
        .trace(&marking(
            "int main(int c, char **v) {
                 int fd = open(v[1], O_RDWR);
                 w = mmap((void *)0x10000000, 65536, 3, MAP_SHARED | MAP_FIXED, fd, 0);
                 mark(\"only\"); w[0] = 1; return 0; }",
        ))
        .succeeded();
    assert_eq!(run.story(), ["MARK only", "W0/4"]);
}

#[test]
fn a_text_is_cut_at_its_longest_and_what_is_no_text_is_replaced() {
    let run = Bench::new()
        .trace(&marking(
            "int main(int c, char **v) {
                 static char long_text[10000];
                 memset(long_text, 'x', sizeof long_text);
                 window(v);
                 MARK(\"a\\xff z\", 4);
                 MARK(long_text, sizeof long_text);
                 MARK(0, 0);
                 MARK(16, 8);
                 MARK(w, 4);
                 CHECK(MARK(\"x\", 1) == -1 && errno == EINVAL);
                 return 0; }",
        ))
        .succeeded();
    let texts: Vec<_> = run.marks().iter().map(|mark| mark.text.as_str()).collect();
    // Of no address and of a window, nothing is read.
    assert_eq!(texts, ["a\u{fffd} z", &"x".repeat(busprobe_mark::LONGEST), "", "", "", "x"]);
    assert!(run.beats().is_empty());
}

#[test]
fn other_calls_of_prctl_are_no_marks() {
    let run = Bench::new()
        .trace(&marking(&format!(
            "int main(int c, char **v) {{ window(v); prctl({:#x}, \"no\", 2, 0, 0); \
             CHECK(!prctl(PR_SET_NAME, \"name\", 0, 0, 0)); return 0; }}",
            busprobe_mark::OPTION
        )))
        .succeeded();
    assert!(run.marks().is_empty());
}
