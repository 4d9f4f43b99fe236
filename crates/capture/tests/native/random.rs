//! Random instructions of every form with an operand in memory, run alone and run traced: what the
//! program sees is the same, and the trace has what the memory says.
//!
//! `BUSPROBE_SEED=7 BUSPROBE_OF_EACH=3 cargo test random` throws the dice again, three of each form.
#![cfg(target_arch = "x86_64")]

mod cases;
mod forms;
mod rng;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use busprobe_trace::{Access, Direction};
use iced_x86::{InstructionInfoFactory, Mnemonic, OpKind, Register};

use crate::program::{Bench, Run, run};
use cases::{AREA, CODE, Case, Cases, PAGE, SLOT};
use forms::{WINDOW, loads_and_stores};

/// What a case left: `struct output` of `random/run.c`.
struct Left<'a> {
    general: Vec<u64>,
    flags: u64,
    signal: u64,
    address: u64,
    area: &'a [u8],
    window: &'a [u8],
    memory: &'a [u8],
}

const LEFT: usize = 19 * 8 + AREA + 2 * PAGE;

fn left(results: &[u8], number: usize) -> Left<'_> {
    let bytes = &results[number * LEFT..][..LEFT];
    let (words, rest) = bytes.split_at(19 * 8);
    let words: Vec<u64> =
        words.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
    Left {
        general: words[..16].to_vec(),
        flags: words[16],
        signal: words[17],
        address: words[18],
        area: &rest[..AREA],
        window: &rest[AREA..][..PAGE],
        memory: &rest[AREA + PAGE..],
    }
}

/// The runner and its files.
struct Runner {
    bench: Bench,
    program: PathBuf,
    cases: PathBuf,
    results: PathBuf,
}

impl Runner {
    fn new(cases: &Cases) -> Runner {
        let bench = Bench::new();
        let program = bench.compile(include_str!("random/run.c"), &[]);
        let runner =
            Runner { program, cases: bench.path("cases"), results: bench.path("results"), bench };
        cases.write(&runner.cases);
        runner
    }

    fn words(&self) -> [PathBuf; 4] {
        let Runner { bench, program, cases, results } = self;
        [program.clone(), bench.window(), cases.clone(), results.clone()]
    }

    fn results(&self) -> Vec<u8> {
        let results = std::fs::read(&self.results).expect("the results");
        std::fs::remove_file(&self.results).expect("they are no longer needed");
        results
    }

    fn alone(&self) -> Vec<u8> {
        let [program, words @ ..] = self.words();
        let ended = Command::new(program).args(words).status().expect("the runner runs");
        assert!(ended.success(), "the runner: {ended}");
        self.results()
    }

    fn traced(&self) -> (Vec<u8>, Run) {
        let traced = run(self.bench.capture(self.words())).succeeded();
        (self.results(), traced)
    }
}

fn name(case: &Case) -> String {
    let hex: Vec<String> = case.code.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{:?} {}", case.instruction.code(), hex.concat())
}

#[test]
fn random_instructions_do_the_same_traced_and_alone_and_the_trace_is_what_they_did() {
    let given = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let seed = given("BUSPROBE_SEED").unwrap_or(1);
    let mut cases = Cases::new(seed, given("BUSPROBE_OF_EACH").unwrap_or(1) as usize);
    let all = cases.all.len();
    // Forms that this CPU does not have are left out.
    let runner = Runner::new(&cases);
    let first = runner.alone();
    cases.retain(|number| left(&first, number).signal != libc::SIGILL as u64);
    let runner = Runner::new(&cases);
    let alone = runner.alone();
    let (traced, run) = runner.traced();

    let mut by_case: BTreeMap<u64, Vec<&Access>> = BTreeMap::new();
    for access in run.trace.accesses() {
        let site = access.site.and_then(|site| run.trace.site(site)).expect("each has a site");
        by_case.entry((site.pc - CODE) / SLOT).or_default().push(access);
    }
    let mut wrong = Vec::new();
    let mut unknown: BTreeMap<String, usize> = BTreeMap::new();
    for (number, case) in cases.all.iter().enumerate() {
        let accesses = by_case.remove(&(case.number as u64)).unwrap_or_default();
        let (alone, traced) = (left(&alone, number), left(&traced, number));
        let mut complaints = differences(&alone, &traced);
        if alone.signal == 0 {
            complaints.extend(misread(&cases, case, &alone, &accesses));
        }
        for access in accesses.iter().filter(|access| access.data.is_none()) {
            let lock = if case.instruction.has_lock_prefix() { "lock " } else { "" };
            let kind = format!(
                "{lock}{:?} {}{}",
                case.instruction.mnemonic(),
                access.direction.letter(),
                access.size
            );
            *unknown.entry(kind).or_default() += 1;
        }
        if !complaints.is_empty() {
            wrong.push(format!("{number} {}: {}", name(case), complaints.join("; ")));
        }
    }
    eprintln!(
        "seed {seed}: {} of {all} instructions are this CPU's, {} accesses, {} of unknown data",
        cases.all.len(),
        run.outcome.accesses,
        unknown.values().sum::<usize>(),
    );

    // Of locked instructions without a register for it, and of copies from window to window.
    let may_be_unknown = ["lock ", "Movs", "Push ", "Pop "];
    unknown.retain(|kind, _| !may_be_unknown.iter().any(|start| kind.starts_with(start)));
    assert!(unknown.is_empty(), "accesses of unknown data: {unknown:?}");
    assert!(by_case.is_empty(), "accesses by no case: {:?}", by_case.keys());
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// The resume flag, which is of no instruction's making.
const RESUME: u64 = 1 << 16;

/// What the program sees that it does not see alone.
fn differences(alone: &Left<'_>, traced: &Left<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (number, (alone, traced)) in alone.general.iter().zip(&traced.general).enumerate() {
        if alone != traced {
            found.push(format!("register {number} is {traced:#x}, not {alone:#x}"));
        }
    }
    if (alone.flags ^ traced.flags) & !RESUME != 0 {
        found.push(format!("the flags are {:#x}, not {:#x}", traced.flags, alone.flags));
    }
    if (alone.signal, alone.address) != (traced.signal, traced.address) {
        let (was, is) = ((alone.signal, alone.address), (traced.signal, traced.address));
        found.push(format!("signal {} at {:#x}, not {} at {:#x}", is.0, is.1, was.0, was.1));
    }
    // Where the last x87 instruction and its operand lay, and which components were saved.
    let is_told = |at: usize| !(6..24).contains(&at) && !(512..520).contains(&at);
    if let Some(at) = (0..AREA).find(|&at| is_told(at) && alone.area[at] != traced.area[at]) {
        found.push(format!("vector registers differ at {at}"));
    }
    if let Some(at) = (0..PAGE).find(|&at| alone.window[at] != traced.window[at]) {
        found.push(format!("the window differs at {at:#x}"));
    }
    if alone.memory != traced.memory {
        found.push("ordinary memory differs".to_owned());
    }
    found
}

/// What the trace has of a case that the memory before and after does not bear out.
fn misread(cases: &Cases, case: &Case, left: &Left<'_>, accesses: &[&Access]) -> Vec<String> {
    let before = cases.window(case);
    let mut found = Vec::new();
    let mut covered = vec![false; PAGE];
    let is_string = case.instruction.is_string_instruction();
    let is_copy = is_string && accesses.iter().any(|access| access.direction == Direction::Write);
    for access in accesses {
        let range = access.offset as usize..access.end() as usize;
        if range.end > PAGE {
            found.push(format!("an access of {range:?}"));
            continue;
        }
        let (held, is_certain) = match access.direction {
            Direction::Read => (&before[range.clone()], !is_copy),
            Direction::Write => {
                covered[range.clone()].fill(true);
                // A string or scatter may store twice to one place.
                (&left.window[range.clone()], !is_string && !case.instruction.is_vsib())
            }
        };
        if let Some(data) = access.data
            && is_certain
            && data.bytes() != held
        {
            let letter = access.direction.letter();
            found.push(format!("{letter} {range:x?} {data} where memory has {held:02x?}"));
        }
    }
    if let Some(at) = (0..PAGE).find(|&at| before[at] != left.window[at] && !covered[at]) {
        found.push(format!("{at:#x} was stored to and is in no access"));
    }
    if let Some(expected) = expected(case) {
        let seen: Vec<_> =
            accesses.iter().map(|access| (access.direction, access.offset, access.size)).collect();
        if seen != expected {
            found.push(format!("accesses {seen:x?}, not {expected:x?}"));
        }
    }
    found
}

/// The accesses of a case to the window, where they do not depend on masks, indices or repetition.
fn expected(case: &Case) -> Option<Vec<(Direction, u64, u32)>> {
    let instruction = &case.instruction;
    let has_sign_mask = matches!(
        instruction.mnemonic(),
        Mnemonic::Vmaskmovps
            | Mnemonic::Vmaskmovpd
            | Mnemonic::Vpmaskmovd
            | Mnemonic::Vpmaskmovq
            | Mnemonic::Maskmovq
            | Mnemonic::Maskmovdqu
            | Mnemonic::Vmaskmovdqu
    );
    let repeats = instruction.has_rep_prefix() || instruction.has_repne_prefix();
    let is_cache = matches!(
        instruction.mnemonic(),
        Mnemonic::Clflush | Mnemonic::Clflushopt | Mnemonic::Clwb | Mnemonic::Cldemote
    );
    let is_bit_string = matches!(
        instruction.mnemonic(),
        Mnemonic::Bt | Mnemonic::Bts | Mnemonic::Btr | Mnemonic::Btc
    ) && instruction.op1_kind() == OpKind::Register;
    if has_sign_mask
        || repeats && instruction.is_string_instruction()
        || is_cache
        || is_bit_string
        || instruction.has_op_mask()
        || instruction.is_vsib()
    {
        return None;
    }
    let value = |register: Register| match register {
        Register::GS => Some(forms::GS),
        Register::AH | Register::CH | Register::DH | Register::BH => None,
        _ if register.is_segment_register() => Some(0),
        _ => {
            let whole = case.general[forms::number(register)?];
            Some(match register.size() {
                1 => whole & 0xff,
                4 => whole & 0xffff_ffff,
                _ => whole,
            })
        }
    };
    let mut factory = InstructionInfoFactory::new();
    let (mut loads, mut stores) = (Vec::new(), Vec::new());
    for memory in factory.info(instruction).used_memory() {
        let address = memory.virtual_address(0, |register, _, _| value(register))?;
        let Some(offset) = address.checked_sub(WINDOW).filter(|&at| at < PAGE as u64) else {
            continue;
        };
        let (is_load, is_store) = loads_and_stores(memory.access());
        let size = memory.memory_size().size() as u32;
        if is_load {
            loads.push((Direction::Read, offset, size));
        }
        if is_store {
            stores.push((Direction::Write, offset, size));
        }
    }
    Some(loads.into_iter().chain(stores).collect())
}
