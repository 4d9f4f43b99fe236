//! Cases: an instruction, and the registers and memory that it starts from.

use std::arch::x86_64::__cpuid_count;
use std::fs;
use std::path::Path;

use iced_x86::{Code, Decoder, DecoderOptions, Encoder, FlowControl, Instruction};

use super::forms::{self, Plan, WINDOW};
use super::rng::Rng;

pub(super) const CODE: u64 = 0x2000_0000;
/// From one case's code to the next.
pub(super) const SLOT: u64 = 64;
pub(super) const PAGE: usize = 4096;
/// Bytes of an area as `xsave` makes it.
pub(super) const AREA: usize = 4096;
const AREAS: usize = 16;
const CONTENTS: usize = 8;

/// One instruction to run.
pub(super) struct Case {
    /// Which place its code has.
    pub(super) number: usize,
    /// As it is decoded again at its place.
    pub(super) instruction: Instruction,
    pub(super) code: Vec<u8>,
    /// rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 to r15.
    pub(super) general: [u64; 16],
    pub(super) flags: u64,
    pub(super) area: usize,
    pub(super) content: usize,
    /// Eight bytes of the window that lead a jump back.
    patch: Option<(u64, u64)>,
}

/// All cases, and the states that they share.
pub(super) struct Cases {
    pub(super) all: Vec<Case>,
    pub(super) areas: Vec<Vec<u8>>,
    /// A page of the window, then one of ordinary memory.
    contents: Vec<Vec<u8>>,
}

impl Cases {
    /// So many of each form that this CPU may know.
    pub(super) fn new(seed: u64, of_each: usize) -> Cases {
        let mut rng = Rng(seed);
        let mut cases: Vec<Case> = Vec::new();
        for code in Code::values().filter(|&code| forms::is_wanted(code)) {
            let made = cases.len();
            for _ in 0..20 * of_each {
                if cases.len() == made + of_each {
                    break;
                }
                cases.extend(case(code, cases.len() as u64, &mut rng));
            }
        }
        let areas = (0..AREAS).map(|_| area(&mut rng)).collect();
        let contents = (0..CONTENTS).map(|_| content(&mut rng)).collect();
        Cases { all: cases, areas, contents }
    }

    /// Leaves out those that `is_kept` does not want, by their number. The others keep their place.
    pub(super) fn retain(&mut self, is_kept: impl Fn(usize) -> bool) {
        self.all.retain(|case| is_kept(case.number));
    }

    /// The window as a case finds it.
    pub(super) fn window(&self, case: &Case) -> Vec<u8> {
        let mut window = self.contents[case.content][..PAGE].to_vec();
        if let Some((at, value)) = case.patch {
            window[at as usize..][..8].copy_from_slice(&value.to_le_bytes());
        }
        window
    }

    /// As `run.c` reads them.
    pub(super) fn write(&self, path: &Path) {
        let mut file = Vec::new();
        let mut put = |values: &[u64]| {
            for value in values {
                file.extend_from_slice(&value.to_le_bytes());
            }
        };
        let places = self.all.last().map_or(0, |case| case.number + 1);
        put(&[self.all.len(), self.areas.len(), self.contents.len(), places].map(|n| n as u64));
        for case in &self.all {
            let (at, value) = case.patch.unwrap_or((u64::MAX, 0));
            put(&case.general);
            put(&[case.flags, case.number as u64]);
            put(&[case.area as u64, case.content as u64, at, value]);
            let mut code = case.code.clone();
            code.resize(16, 0x90);
            put(&[case.code.len() as u64]);
            let words = code.as_chunks::<8>().0;
            put(&words.iter().map(|word| u64::from_le_bytes(*word)).collect::<Vec<_>>());
        }
        file.extend(self.areas.iter().chain(&self.contents).flatten());
        fs::write(path, file).expect("the cases are written");
    }
}

/// CF, PF, AF, ZF, SF, DF, OF.
const ANY: u64 = 0x1 | 0x4 | 0x10 | 0x40 | 0x80 | 0x400 | 0x800;

fn case(code: Code, number: u64, rng: &mut Rng) -> Option<Case> {
    let mut general = std::array::from_fn(|_| match rng.below(3) {
        0 => rng.next(),
        1 => rng.below(256),
        _ => rng.next() >> 33,
    });
    // Where the stack is in the window, some forms find their operand there.
    let on_stack = rng.below(2) == 0;
    general[4] = if on_stack { WINDOW + 3072 } else { forms::MEMORY + 2048 };
    // How often a string repeats.
    general[1] = rng.below(20);
    let offset = 1024 + if rng.below(3) == 0 { rng.below(1024) } else { 64 * rng.below(16) };
    let mut plan = Plan { general, offset };
    let made = forms::instruction(code, rng, &mut plan)?;
    let pc = CODE + number * SLOT;
    let mut encoder = Encoder::new(64);
    encoder.encode(&made, pc).ok()?;
    let code = encoder.take_buffer();
    let instruction = Decoder::with_ip(64, &code, pc, DecoderOptions::NONE).decode();
    if instruction.is_invalid() || instruction.code() != made.code() {
        return None;
    }
    let jumps = !matches!(instruction.flow_control(), FlowControl::Next | FlowControl::Exception);
    let patch = jumps.then_some((plan.offset, pc + code.len() as u64));
    let flags = 0x202 | rng.next() & ANY;
    let (area, content) = (rng.below(AREAS as u64) as usize, rng.below(CONTENTS as u64) as usize);
    let number = number as usize;
    Some(Case { number, instruction, code, general: plan.general, flags, area, content, patch })
}

/// Registers beyond the general ones, as `xrstor` takes them: Intel's manual, volume 1, chapter 13.
fn area(rng: &mut Rng) -> Vec<u8> {
    /// x87, SSE, AVX, mask registers, upper halves, upper registers.
    const COMPONENTS: u64 = 0xe7;
    let mut area = vec![0; AREA];
    rng.fill(&mut area);
    area[..32].fill(0);
    area[0..2].copy_from_slice(&0x37f_u16.to_le_bytes());
    area[24..28].copy_from_slice(&0x1f80_u32.to_le_bytes());
    // All eight x87 registers are empty but two, which hold numbers.
    area[4] = 0b1100_0000;
    area[2..4].copy_from_slice(&(6_u16 << 11).to_le_bytes());
    for register in 0..8 {
        let value = &mut area[32 + 16 * register..][..16];
        value[7] |= 0x80;
        value[8..10].copy_from_slice(&(0x3fff_u16 + register as u16).to_le_bytes());
        value[10..].fill(0);
    }
    // Floating-point elements of common size, and the indices of gathers: see `forms::vsib`.
    for register in 0..16 {
        let value = &mut area[160 + 16 * register..][..16];
        match register {
            1 => value.chunks_mut(4).for_each(|index| small(index, rng)),
            2 => value.chunks_mut(8).for_each(|index| small(index, rng)),
            _ => {}
        }
    }
    let enabled = COMPONENTS & {
        let leaf = __cpuid_count(0xd, 0);
        u64::from(leaf.eax) | u64::from(leaf.edx) << 32
    };
    for (component, width, bytes) in [(2, 16, 16), (6, 32, 32)] {
        if enabled >> component & 1 == 0 {
            continue;
        }
        let start = __cpuid_count(0xd, component).ebx as usize;
        for register in [1, 2] {
            let value = &mut area[start + width * register..][..bytes];
            value.chunks_mut(4 * register).for_each(|index| small(index, rng));
        }
    }
    area[512..576].fill(0);
    area[512..520].copy_from_slice(&enabled.to_le_bytes());
    area
}

/// A signed index of a few hundred bytes.
fn small(index: &mut [u8], rng: &mut Rng) {
    let value = rng.below(200) as i64 - 100;
    index.copy_from_slice(&value.to_le_bytes()[..index.len()]);
}

fn content(rng: &mut Rng) -> Vec<u8> {
    let mut content = vec![0; 2 * PAGE];
    rng.fill(&mut content);
    // Numbers of common size among them, so that arithmetic has something to do.
    for value in content.chunks_mut(8).step_by(3) {
        value.copy_from_slice(&f64::from(rng.below(1 << 20) as u32).to_le_bytes());
    }
    content
}
