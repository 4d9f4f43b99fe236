//! Who called: the return addresses on a stopped thread's stack.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;
use std::rc::Rc;

use busprobe_python_frames::Memory;
use busprobe_site::Module;
use framehop::{
    CacheNative, ExplicitModuleSectionInfo, FrameAddress, MayAllocateDuringUnwind, Unwinder,
    UnwinderNative,
};

use super::arch::Registers;
use crate::native::windows::memory::OrdinaryMemory;

/// Callers beyond these are left out.
const MOST_CALLERS: usize = 64;
/// Stacks are read so many bytes at a time.
const PAGE: u64 = 4096;

/// What is known of the code of one address space.
#[derive(Clone, Default)]
pub(crate) struct Stacks {
    unwinder: UnwinderNative<Rc<[u8]>, MayAllocateDuringUnwind>,
}

impl Stacks {
    /// Adds a module whose code is mapped at `range`, with the module's address 0 at `base`.
    pub(crate) fn add(&mut self, module: &Module, range: Range<u64>, base: u64) {
        let tables = module.unwind_tables();
        let name = module.path().display().to_string();
        let mut sections = ExplicitModuleSectionInfo {
            text_svma: tables.text.map(|section| section.range),
            got_svma: tables.got.map(|section| section.range),
            ..ExplicitModuleSectionInfo::default()
        };
        if let Some(section) = tables.eh_frame {
            sections.eh_frame_svma = Some(section.range);
            sections.eh_frame = Some(section.bytes);
        }
        if let Some(section) = tables.eh_frame_hdr {
            sections.eh_frame_hdr_svma = Some(section.range);
            sections.eh_frame_hdr = Some(section.bytes);
        }
        self.unwinder.add_module(framehop::Module::new(name, range, base, sections));
    }

    /// Where each function that is under way returns to, innermost first: as far as the modules'
    /// own tables lead.
    pub(crate) fn callers(&self, memory: &OrdinaryMemory<'_>, registers: &Registers) -> Vec<u64> {
        let mut pages: HashMap<u64, Option<Vec<u8>>> = HashMap::new();
        let mut read_stack = |address: u64| {
            let page = match pages.entry(address / PAGE) {
                Entry::Occupied(page) => page.into_mut(),
                Entry::Vacant(place) => {
                    let mut bytes = vec![0; PAGE as usize];
                    let is_read = memory.read(address / PAGE * PAGE, &mut bytes);
                    place.insert(is_read.then_some(bytes))
                }
            };
            let start = (address % PAGE) as usize;
            let word = page.as_ref().and_then(|page| page.get(start..start + 8));
            word.and_then(|word| word.try_into().ok()).map(u64::from_ne_bytes).ok_or(())
        };
        let mut cache = CacheNative::new();
        let (pc, start) = (registers.pc(), registers.unwind_start());
        let mut frames = self.unwinder.iter_frames(pc, start, &mut cache, &mut read_stack);
        let mut callers = Vec::new();
        while let Ok(Some(frame)) = frames.next() {
            if let FrameAddress::ReturnAddress(address) = frame {
                callers.push(address.get());
            }
            if callers.len() == MOST_CALLERS {
                break;
            }
        }
        callers
    }
}
