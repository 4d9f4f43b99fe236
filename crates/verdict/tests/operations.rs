//! What of a trace belongs together, and what does not.

use busprobe_trace::{
    Access, Capture, Direction, Event, Frame, Header, Level, Loss, LossKind, Mark, PythonLine,
    Site, Syscall, Trace,
};
use busprobe_verdict::{AxiLite, By, Verdict, operations};

/// A trace that is written down site by site.
struct Sketch {
    trace: Trace,
    thread: u32,
    window: u32,
}

impl Sketch {
    fn new() -> Self {
        let header = Header::new(Level::Instruction, Capture::Native, "x86_64");
        Sketch { trace: Trace::new(header), thread: 1, window: 0 }
    }

    fn site(&mut self, site: Site) -> u32 {
        let id = self.trace.sites.len() as u32;
        self.trace.sites.push(Site { id, pc: u64::from(id), ..site });
        id
    }

    /// Instructions of a function of libc, as that line calls it.
    fn instructions<const N: usize>(&mut self, symbol: &str, line: Option<u32>) -> [u32; N] {
        [(); N].map(|()| {
            self.site(Site {
                module: Some("/lib/libc.so.6".into()),
                symbol: Some(symbol.into()),
                python: line.map(python),
                ..Site::default()
            })
        })
    }

    fn event(&mut self, event: Event) {
        self.trace.events.push(event);
    }

    fn write(&mut self, by: u32, offset: u64, size: u32) {
        self.access(Direction::Write, Some(by), offset, size);
    }

    fn access(&mut self, direction: Direction, by: Option<u32>, offset: u64, size: u32) {
        let seq = self.trace.events.len() as u64;
        let (thread, window) = (self.thread, self.window);
        let access = Access::new(direction, offset, size);
        let access = Access { seq, site: by, thread, window, ..access };
        self.event(Event::Access(access));
    }

    fn mark(&mut self, text: &str) {
        let mark = Mark { seq: 0, text: text.into(), thread: 0, time_ns: None };
        self.event(Event::Mark(mark));
    }

    /// The name of each operation, and how many events it has.
    fn cut(&self, by: Option<By>) -> Vec<(String, usize)> {
        operations(&self.trace, by)
            .iter()
            .map(|one| (one.name().unwrap_or_default(), one.events.len()))
            .collect()
    }

    fn sizes(&self) -> Vec<usize> {
        self.cut(None).into_iter().map(|(_, events)| events).collect()
    }

    fn verdicts(&self) -> Vec<String> {
        let all = operations(&self.trace, None);
        let verdicts = all.iter().flat_map(|one| one.judge(&AxiLite::BITS_32, None));
        verdicts.map(|verdict: Verdict| verdict.to_string()).collect()
    }
}

fn python(line: u32) -> PythonLine {
    PythonLine {
        file: "/home/me/seed.py".into(),
        line,
        function: "<module>".into(),
        offset: Some(line * 10),
        instruction: Some("STORE_SUBSCR".into()),
    }
}

fn named(names: &[(&str, usize)]) -> Vec<(String, usize)> {
    names.iter().map(|&(name, events)| (name.to_owned(), events)).collect()
}

#[test]
fn an_operation_is_what_lies_between_two_marks() {
    let mut sketch = Sketch::new();
    let [store] = sketch.instructions("memset", Some(3));
    sketch.write(store, 0, 4);
    sketch.mark("again");
    sketch.write(store, 0, 4);
    sketch.write(store, 4, 4);
    sketch.mark("nothing");
    assert_eq!(sketch.cut(None), named(&[("seed.py:3", 1), ("again", 2)]));
    assert_eq!(sketch.cut(Some(By::Mark)), named(&[("", 1), ("again", 2)]));
    assert_eq!(sketch.cut(Some(By::Window)), named(&[("", 3)]));
}

#[test]
fn an_operation_is_what_one_line_of_python_did() {
    let mut sketch = Sketch::new();
    let [first] = sketch.instructions("pack", Some(3));
    let [second] = sketch.instructions("pack", Some(4));
    for site in [first, first, second, first] {
        sketch.write(site, 0, 4);
    }
    let lines = [("seed.py:3", 2), ("seed.py:4", 1), ("seed.py:3", 1)];
    assert_eq!(sketch.cut(None), named(&lines));
    assert_eq!(sketch.cut(Some(By::Call)), named(&[("pack", 4)]));
    let all = operations(&sketch.trace, None);
    let head = &all[1].head;
    assert_eq!((head.index, head.thread, head.seq.clone()), (2, 1, 2..=2));
    assert_eq!(head.python().unwrap().instruction.as_deref(), Some("STORE_SUBSCR"));
    assert_eq!(head.function(), Some("pack"));
}

#[test]
fn two_copies_of_one_word_are_two_operations_and_each_is_doubled() {
    let mut sketch = Sketch::new();
    let [head, tail] = sketch.instructions("__memmove_avx_unaligned_erms", Some(3));
    for _ in 0..2 {
        sketch.write(head, 0, 4);
        sketch.write(tail, 0, 4);
    }
    assert_eq!(sketch.sizes(), [2, 2]);
    assert_eq!(sketch.verdicts(), ["2 writes for 1 word: the word written twice"; 2]);
}

/// glibc's AArch64 copy of 128 bytes: the tail first, 64 bytes at each turn of the loop.
fn long_copy(sketch: &mut Sketch, sites: &[u32; 12], start: u64, bytes: u64) {
    sketch.write(sites[0], start, 16);
    let mut at = start + 16;
    while at + 64 < start + bytes {
        for part in 0..4 {
            sketch.write(sites[1 + part], at + 16 * part as u64, 16);
        }
        at += 64;
    }
    for part in 0..4 {
        sketch.write(sites[5 + part], start + bytes - 64 + 16 * part as u64, 16);
    }
}

#[test]
fn the_loop_of_a_copy_is_one_call_however_long() {
    let mut sketch = Sketch::new();
    let sites = sketch.instructions("__memcpy_generic", None);
    long_copy(&mut sketch, &sites, 0, 1000);
    assert_eq!(sketch.sizes().len(), 1);
}

#[test]
fn a_loop_that_goes_down_is_one_call() {
    let mut sketch = Sketch::new();
    let [a, b] = sketch.instructions("memmove", None);
    for turn in (0..8).rev() {
        sketch.write(b, turn * 32 + 16, 16);
        sketch.write(a, turn * 32, 16);
    }
    assert_eq!(sketch.sizes(), [16]);
}

#[test]
fn the_same_copy_again_begins_another_operation() {
    let mut sketch = Sketch::new();
    let sites = sketch.instructions("__memcpy_generic", Some(7));
    for start in [0, 0, 4096, 64] {
        long_copy(&mut sketch, &sites, start, 400);
    }
    let one = sketch.trace.events.len() / 4;
    assert_eq!(sketch.sizes(), [one; 4]);
}

#[test]
fn string_instructions_go_on_element_by_element() {
    let mut sketch = Sketch::new();
    let [movs] = sketch.instructions("memcpy", None);
    for offset in (0..64).chain(0..64) {
        sketch.write(movs, offset, 1);
    }
    assert_eq!(sketch.sizes(), [64, 64]);
}

#[test]
fn a_copy_that_goes_over_several_pages_at_once_is_one_call() {
    let mut sketch = Sketch::new();
    let sites: [u32; 4] = sketch.instructions("__memmove_avx_unaligned_erms", None);
    for pages in 0..3 {
        for line in 0..64 {
            for (site, part) in sites.iter().zip([0, 32, 4096, 4128]) {
                sketch.write(*site, pages * 8192 + line * 64 + part, 32);
            }
        }
    }
    assert_eq!(sketch.sizes().len(), 1);
}

#[test]
fn a_strided_loop_of_numpy_is_one_operation_until_it_begins_again() {
    let mut sketch = Sketch::new();
    let store = sketch.site(Site {
        module: Some("/numpy/_core/_multiarray_umath.so".into()),
        symbol: Some("_aligned_contig_to_strided_size4".into()),
        python: Some(python(3)),
        ..Site::default()
    });
    for offset in (0..8).chain(0..8) {
        sketch.write(store, offset * 8, 4);
    }
    assert_eq!(sketch.sizes(), [8, 8]);
}

#[test]
fn a_stripped_module_may_feed_a_fifo_or_copy() {
    let mut sketch = Sketch::new();
    let stripped = || Site { module: Some("/fast.so".into()), ..Site::default() };
    let (a, b) = (sketch.site(stripped()), sketch.site(stripped()));
    (0..5).for_each(|_| sketch.write(a, 8, 4));
    assert_eq!(sketch.cut(None), named(&[("fast.so", 5)]));
    sketch.trace.events.clear();
    for (site, offset) in [(a, 0), (b, 0), (a, 0), (b, 0)] {
        sketch.write(site, offset, 4);
    }
    assert_eq!(sketch.sizes(), [2, 2]);
}

#[test]
fn a_function_of_the_program_is_one_operation_whatever_it_repeats() {
    let mut sketch = Sketch::new();
    let [store] = sketch.instructions("main", None);
    (0..3).for_each(|_| sketch.write(store, 0, 4));
    assert_eq!(sketch.cut(None), named(&[("main", 3)]));
}

#[test]
fn calls_from_two_places_are_two_operations() {
    let mut sketch = Sketch::new();
    for pc in [1, 2] {
        let site = sketch.site(Site {
            symbol: Some("memcpy".into()),
            stack: vec![Frame { pc, ..Frame::default() }],
            ..Site::default()
        });
        sketch.write(site, pc * 16, 16);
    }
    assert_eq!(sketch.sizes(), [1, 1]);
}

#[test]
fn threads_that_take_turns_do_not_mix() {
    let mut sketch = Sketch::new();
    let [store] = sketch.instructions("memcpy", None);
    for word in 0..4 {
        for thread in [7, 9] {
            sketch.thread = thread;
            sketch.write(store, u64::from(thread) * 1024 + word * 4, 4);
        }
    }
    assert_eq!(sketch.sizes(), [4, 4]);
    assert_eq!(sketch.verdicts(), ["4 writes for 4 words: exact"; 2]);
    sketch.trace.header.level = Level::Bus;
    assert_eq!(sketch.cut(Some(By::Window)), named(&[("", 8)]), "a bus knows no threads");
}

#[test]
fn a_copy_from_window_to_window_is_one_operation_of_each() {
    let mut sketch = Sketch::new();
    let [load, store] = sketch.instructions("memcpy", None);
    for word in 0..4 {
        sketch.window = 0;
        sketch.access(Direction::Read, Some(load), word * 8, 8);
        sketch.window = 1;
        sketch.write(store, word * 8, 8);
    }
    assert_eq!(sketch.sizes(), [4, 4]);
}

#[test]
fn what_nothing_is_known_of_is_one_operation() {
    let mut sketch = Sketch::new();
    for offset in [0, 0, 4, 0] {
        sketch.access(Direction::Write, None, offset, 4);
    }
    assert_eq!(sketch.cut(None), named(&[("", 4)]));
}

#[test]
fn a_system_call_is_an_operation_of_its_own_and_never_exact() {
    let mut sketch = Sketch::new();
    let [store] = sketch.instructions("main", None);
    let call = Syscall {
        seq: 1,
        name: "preadv".into(),
        window: 0,
        offset: 0,
        length: 64,
        thread: 1,
        time_ns: None,
    };
    sketch.write(store, 0, 4);
    sketch.event(Event::Syscall(call));
    sketch.write(store, 0, 4);
    assert_eq!(sketch.cut(None), named(&[("main", 1), ("preadv", 1), ("main", 1)]));
    let seen = "no access was seen, and not seen: the kernel's own accesses in preadv \
                (64 bytes at 0x0)";
    assert_eq!(sketch.verdicts()[1], seen);
}

#[test]
fn a_loss_is_said_of_every_operation() {
    let mut sketch = Sketch::new();
    let [a] = sketch.instructions("a", None);
    let [b] = sketch.instructions("b", None);
    sketch.write(a, 0, 4);
    sketch.write(b, 0, 4);
    let (kind, detail) = (LossKind::Missed, "3 lost".to_owned());
    sketch.event(Event::Loss(Loss { seq: 2, kind, detail, count: Some(3) }));
    assert!(sketch.verdicts().iter().all(|words| words.ends_with("not seen: 3 lost")));
}

#[test]
fn a_way_to_cut_is_known_by_its_name() {
    for by in By::ALL {
        assert_eq!(by.name().parse(), Ok(by));
    }
    let error = "loop".parse::<By>().unwrap_err().to_string();
    assert_eq!(error, "known are mark, line, call and window");
}
