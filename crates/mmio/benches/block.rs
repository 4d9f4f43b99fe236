//! Nanoseconds that a block of 1,024 words takes: the loop itself, without Python around it.
//! `bench/access.py` prints it beside others.

use std::hint::black_box;
use std::time::Instant;

use busprobe_mmio::{Mode, Run, Target, Width, Window};

const WORDS: usize = 1024;
const TURNS: u32 = 2000;

/// The fastest of several rounds: what disturbs a round only ever makes it slower.
fn nanoseconds(mut turn: impl FnMut()) -> f64 {
    let round = |turn: &mut dyn FnMut()| {
        let start = Instant::now();
        (0..TURNS).for_each(|_| turn());
        start.elapsed().as_secs_f64() * 1e9 / f64::from(TURNS)
    };
    (0..15).map(|_| round(&mut turn)).fold(f64::INFINITY, f64::min)
}

fn main() {
    let window = Window::open(&Target::parse("anon:16K").expect("a target")).expect("memory");
    let data = vec![1_u32; WORDS];
    let mut out = vec![0_u32; WORDS];
    let print = |name: &str, nanoseconds: f64| println!("{name} {nanoseconds:.1}");
    let write = |mode| window.write_block(0, black_box(&data), mode).expect("a write");
    print("write", nanoseconds(|| write(Mode::Incr)));
    print("write-fixed", nanoseconds(|| write(Mode::Fixed)));
    print(
        "read",
        nanoseconds(|| window.read_block(0, black_box(&mut out), Mode::Incr).expect("a read")),
    );
    let run = Run::incr(0, Width::W32, WORDS as u64);
    print("fill", nanoseconds(|| window.fill(run, 1).expect("a fill")));
}
