//! The instructions that have used a window, by number.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

use busprobe_trace::Site;

use crate::native::arch::{Instruction, layout::LONGEST_INSTRUCTION};

/// An instruction at its place.
pub(super) struct Known {
    pub(super) pc: u64,
    pub(super) code: Vec<u8>,
    pub(super) instruction: Instruction,
    /// Where that is, in words; found when it is first asked for.
    pub(super) site: OnceLock<Site>,
}

#[derive(Default)]
pub(super) struct All {
    list: Vec<Arc<Known>>,
    numbers: HashMap<(u64, Vec<u8>), u32>,
}

static ALL: LazyLock<Mutex<All>> = LazyLock::new(Mutex::default);

/// All of them.
pub(super) fn all() -> MutexGuard<'static, All> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The one of that number, which [`at`] gave.
pub(super) fn get(number: u32) -> Arc<Known> {
    Arc::clone(&all().list[number as usize])
}

/// The instruction at `pc`, where a thread is about to run it.
pub(super) fn at(pc: u64) -> Option<(u32, Arc<Known>)> {
    let instruction = Instruction::decode(pc, in_page(pc))
        // It goes on in the next page, then.
        .or_else(|| Instruction::decode(pc, code(pc, LONGEST_INSTRUCTION)))?;
    let code = code(pc, instruction.length()).to_vec();
    let mut all = all();
    let number = if let Some(&number) = all.numbers.get(&(pc, code.clone())) {
        number
    } else {
        let number = all.list.len() as u32;
        all.numbers.insert((pc, code.clone()), number);
        all.list.push(Arc::new(Known { pc, code, instruction, site: OnceLock::new() }));
        number
    };
    Some((number, Arc::clone(&all.list[number as usize])))
}

/// As much of the longest instruction as lies in the page of its first byte.
fn in_page(pc: u64) -> &'static [u8] {
    const PAGE: u64 = 4096;
    code(pc, (PAGE - pc % PAGE).min(LONGEST_INSTRUCTION as u64) as usize)
}

fn code(pc: u64, length: usize) -> &'static [u8] {
    // SAFETY: the CPU has just fetched these bytes to run them; they are read once, here.
    unsafe { std::slice::from_raw_parts(pc as *const u8, length) }
}
