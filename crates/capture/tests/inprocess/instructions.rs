//! One instruction at a time: what was seen of it, and that it did what it does.
#![expect(clippy::cast_ptr_alignment, reason = "windows begin with a page")]

use std::arch::asm;
use std::hint::black_box;

use busprobe_capture::inprocess::Watching;

use crate::memory::{Memory, PAGE, lines, losses};

/// Runs `body` on a watched page, twice: once as the planner has it, once by the plan.
fn twice(body: impl Fn(*mut u8)) -> Vec<String> {
    let memory = Memory::new(1);
    let watching = memory.watch();
    body(memory.start);
    let first = lines(&watching.so_far());
    body(memory.start);
    let trace = watching.finish().unwrap();
    let both = lines(&trace);
    assert_eq!(both[first.len()..], first, "by the plan and without it");
    assert_eq!(losses(&trace), []);
    first
}

#[test]
fn stores_and_loads_of_each_width_are_seen_with_their_data() {
    let seen = twice(|start| {
        // SAFETY: within the page.
        unsafe {
            start.write_volatile(0x11);
            start.add(2).cast::<u16>().write_volatile(0x2222);
            start.add(4).cast::<u32>().write_volatile(0x3333_3333);
            start.add(8).cast::<u64>().write_volatile(0x4444_4444_4444_4444);
            assert_eq!(start.add(4).cast::<u32>().read_volatile(), 0x3333_3333);
            assert_eq!(start.add(8).cast::<u64>().read_volatile(), 0x4444_4444_4444_4444);
        }
    });
    let expected = [
        "W 0x0 1 0x11",
        "W 0x2 2 0x2222",
        "W 0x4 4 0x33333333",
        "W 0x8 8 0x4444444444444444",
        "R 0x4 4 0x33333333",
        "R 0x8 8 0x4444444444444444",
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_register_that_is_address_and_data_is_stored_as_it_was() {
    let memory = Memory::new(1);
    let watching = memory.watch();
    let start = memory.start as u64;
    for _ in 0..2 {
        // SAFETY: within the page; `mov [rax], rax` takes another register for its address.
        unsafe { asm!("mov [rax], rax", in("rax") start) };
    }
    let trace = watching.finish().unwrap();
    assert_eq!(lines(&trace), vec![format!("W 0x0 8 {start:#x}"); 2]);
    assert_eq!(losses(&trace), []);
    assert_eq!(u64::from(memory.read(0)) | u64::from(memory.read(4)) << 32, start);
}

#[test]
fn a_register_that_is_loaded_over_the_address_has_what_was_loaded() {
    let seen = twice(|start| {
        let mut register = start as u64;
        // SAFETY: within the page.
        unsafe {
            start.cast::<u32>().write_volatile(7);
            asm!("mov {0:e}, [{0}]", inout(reg) register);
        }
        assert_eq!(register, 7);
    });
    assert_eq!(seen, ["W 0x0 4 0x7", "R 0x0 4 0x7"]);
}

#[test]
fn what_reads_and_writes_is_two_accesses() {
    let seen = twice(|start| {
        // SAFETY: within the page.
        unsafe {
            start.cast::<u32>().write_volatile(5);
            let old: u32;
            asm!("lock xadd [{0}], {1:e}", in(reg) start, inout(reg) 2 => old);
            assert_eq!(old, 5);
        }
    });
    assert_eq!(seen, ["W 0x0 4 0x5", "R 0x0 4 0x5", "W 0x0 4 0x7"]);
}

#[test]
fn a_vector_is_stored_whole() {
    let seen = twice(|start| {
        let bytes: [u8; 16] = std::array::from_fn(|index| index as u8);
        // SAFETY: within the page and the array.
        unsafe {
            asm!(
                "movdqu xmm5, [{1}]",
                "movdqu [{0} + 4*{2} + 8], xmm5",
                in(reg) start, in(reg) bytes.as_ptr(), in(reg) 2_u64, out("xmm5") _,
            );
        }
    });
    assert_eq!(seen, ["W 0x10 16 0xf0e0d0c0b0a09080706050403020100"]);
}

#[test]
fn a_masked_store_is_seen_as_far_as_its_mask_goes() {
    if !is_x86_feature_detected!("avx2") {
        skip::because("this CPU has no AVX2");
        return;
    }
    let seen = twice(|start| {
        let mask: [i32; 4] = [-1, -1, 0, -1];
        let data: [i32; 4] = [1, 2, 3, 4];
        // SAFETY: within the page and the arrays, and the CPU has the instructions.
        unsafe {
            asm!(
                "vmovdqu xmm5, [{1}]",
                "vmovdqu xmm6, [{2}]",
                "vpmaskmovd [{0}], xmm5, xmm6",
                in(reg) start, in(reg) mask.as_ptr(), in(reg) data.as_ptr(),
                out("xmm5") _, out("xmm6") _,
            );
        }
    });
    assert_eq!(seen, ["W 0x0 8 0x200000001", "W 0xc 4 0x4"]);
}

#[test]
fn a_repeated_copy_is_seen_piece_by_piece_with_the_data_of_memory() {
    let memory = Memory::new(1);
    let source: [u32; 600] = std::array::from_fn(|index| index as u32);
    let watching = memory.watch();
    for _ in 0..2 {
        // SAFETY: within the page and the array.
        unsafe {
            asm!(
                "rep movsd",
                inout("rcx") source.len() => _,
                inout("rsi") source.as_ptr() => _,
                inout("rdi") memory.start => _,
            );
        }
    }
    let trace = watching.finish().unwrap();
    let expected: Vec<String> =
        (0..source.len()).map(|index| format!("W {:#x} 4 {index:#x}", 4 * index)).collect();
    assert_eq!(lines(&trace), [expected.clone(), expected].concat());
    assert_eq!(losses(&trace), []);
}

#[test]
fn a_comparison_that_finds_what_it_compares_with_is_seen_with_its_data() {
    let seen = twice(|start| {
        // SAFETY: within the page.
        unsafe {
            start.cast::<u32>().write_volatile(0x8000_0001);
            asm!("cmp dword ptr [{}], {:e}", in(reg) start, in(reg) 0x8000_0001_u32);
            asm!("cmp {:e}, dword ptr [{}]", in(reg) 3, in(reg) start);
            asm!("cmp word ptr [{}], 1", in(reg) start);
            asm!("test {1:e}, dword ptr [{0}]", in(reg) start.add(4), in(reg) u32::MAX);
            asm!("test dword ptr [{}], 2", in(reg) start);
        }
    });
    let expected = ["W 0x0 4 0x80000001", "R 0x0 4 0x80000001", "R 0x0 4 ?", "R 0x0 2 0x1"];
    assert_eq!(seen[..4], expected);
    assert_eq!(seen[4..], ["R 0x4 4 0x0", "R 0x0 4 ?"]);
}

#[test]
fn a_repeated_store_is_seen_down_and_up_and_as_far_as_the_window_goes() {
    let seen = twice(|start| {
        // SAFETY: within the page; the direction is put right again.
        unsafe {
            asm!(
                "std", "rep stosw", "cld",
                inout("rcx") 3_u64 => _, in("ax") 0x0102_u16, inout("rdi") start.add(4) => _,
            );
        }
    });
    assert_eq!(seen, ["W 0x4 2 0x102", "W 0x2 2 0x102", "W 0x0 2 0x102"]);
    let memory = Memory::new(3);
    let watching = Watching::start(&[memory.part(PAGE, 8), memory.part(2 * PAGE - 4, 4)]).unwrap();
    // SAFETY: within the pages.
    unsafe {
        asm!(
            "rep stosd",
            inout("rcx") 2 * PAGE / 4 => _, in("eax") 5, inout("rdi") memory.word(PAGE / 2) => _,
        );
    }
    assert_eq!(lines(&watching.finish().unwrap()), ["W 0x0 4 0x5", "W 0x4 4 0x5", "W 0x0 4 0x5"]);
    assert_eq!([PAGE / 2 - 4, PAGE / 2, 5 * PAGE / 2 - 4].map(|at| memory.read(at)), [0, 5, 5]);
}

#[test]
fn a_repeated_load_has_the_data_that_came() {
    let memory = Memory::new(1);
    memory.write(4, 6);
    let mut target = [0_u32; 2];
    let watching = memory.watch();
    // SAFETY: within the page and the array.
    unsafe {
        asm!(
            "rep movsd",
            inout("rcx") 2_u64 => _, inout("rsi") memory.start => _,
            inout("rdi") target.as_mut_ptr() => _,
        );
    }
    assert_eq!(lines(&watching.finish().unwrap()), ["R 0x0 4 0x0", "R 0x4 4 0x6"]);
    assert_eq!(target, [0, 6]);
}

#[test]
fn a_copy_within_a_window_is_loads_and_stores() {
    let seen = twice(|start| {
        // SAFETY: within the page.
        unsafe {
            start.cast::<u32>().write_volatile(9);
            asm!("movsd", inout("rsi") start => _, inout("rdi") start.add(8) => _);
        }
    });
    assert_eq!(seen, ["W 0x0 4 0x9", "R 0x0 4 ?", "W 0x8 4 ?"]);
}

#[test]
fn a_flush_of_the_cache_is_no_access() {
    let memory = Memory::new(1);
    let watching = memory.watch();
    for value in 1..3 {
        // SAFETY: within the page.
        unsafe { asm!("clflush [{}]", in(reg) memory.start) };
        memory.write(0, value);
    }
    let trace = watching.finish().unwrap();
    assert_eq!(lines(&trace), ["W 0x0 4 0x1", "W 0x0 4 0x2"]);
    // The test harness has other threads, which could have used the window meanwhile.
    assert!(losses(&trace)[0].1.contains("could not be run on an alias"));
}

/// The operands of two aliases at different distances.
#[test]
fn a_copy_from_one_window_to_another_is_a_load_and_a_store() {
    let (from, to) = (Memory::new(1), Memory::new(1));
    from.write(0, 7);
    let watching = Watching::start(&[from.region(), to.region()]).unwrap();
    for _ in 0..2 {
        // SAFETY: within the pages.
        unsafe { asm!("movsd", inout("rsi") from.start => _, inout("rdi") to.start => _) };
    }
    let trace = watching.finish().unwrap();
    assert_eq!(lines(&trace), ["R 0x0 4 ?", "W 0x0 4 ?", "R 0x0 4 ?", "W 0x0 4 ?"]);
    assert_eq!(to.read(0), 7);
}

#[test]
fn a_site_names_the_function_and_the_instruction() {
    let memory = Memory::new(1);
    let source = [1_u8; 16];
    let watching = memory.watch();
    // SAFETY: within the page and the array.
    unsafe { libc::memcpy(memory.start.cast(), source.as_ptr().cast(), black_box(source.len())) };
    let trace = watching.finish().unwrap();
    let access = trace.accesses().next().expect("an access");
    let site = trace.site(access.site.unwrap()).unwrap();
    assert!(site.module_name().is_some_and(|name| name.starts_with("libc")), "{site:?}");
    assert!(site.text.as_ref().is_some_and(|text| text.contains("mov")), "{site:?}");
}
