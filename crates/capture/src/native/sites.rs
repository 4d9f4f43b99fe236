//! Where an access came from: the module, the function, the instruction in words.

use std::collections::HashMap;
use std::fs;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use busprobe_site::{Machine, Module, disassemble};
use busprobe_trace::Site;

use super::ptrace::{self, Tid};
use super::recorder::Recorder;

/// The sites that one address space has had, by address and bytes: where an access has been before,
/// nothing is looked up.
#[derive(Clone, Default)]
pub(crate) struct SeenSites {
    ids: HashMap<u64, (Vec<u8>, u32)>,
    /// What functions without symbols are imported as, by where they start.
    names: HashMap<u64, Option<String>>,
}

impl SeenSites {
    fn get(&self, pc: u64, code: &[u8]) -> Option<u32> {
        let (known, id) = self.ids.get(&pc)?;
        (known == code).then_some(*id)
    }
}

/// All sites so far, and what is known of the modules they lie in.
#[derive(Default)]
pub(crate) struct Sites {
    /// By everything that a site says, so that processes of one program share them.
    ids: HashMap<Site, u32>,
    modules: HashMap<(PathBuf, u64), Option<Rc<Module>>>,
}

/// A line of `/proc/PID/maps`.
struct Line {
    range: Range<u64>,
    offset: u64,
    inode: u64,
    path: PathBuf,
}

impl Sites {
    /// The id of the site of the instruction `code` at `pc`; a new site is recorded first.
    pub(crate) fn find(
        &mut self,
        seen: &mut SeenSites,
        tid: Tid,
        pc: u64,
        code: &[u8],
        recorder: &mut Recorder<'_>,
    ) -> u32 {
        if let Some(id) = seen.get(pc, code) {
            return id;
        }
        let site = self.describe(seen, tid, pc, code);
        let next = self.ids.len() as u32;
        let id = *self.ids.entry(site).or_insert_with_key(|site| {
            recorder.site(Site { id: next, ..site.clone() });
            next
        });
        seen.ids.insert(pc, (code.to_vec(), id));
        id
    }

    /// Where the instruction `code` at `pc` lies, in words; without an id.
    pub(crate) fn describe(
        &mut self,
        seen: &mut SeenSites,
        tid: Tid,
        pc: u64,
        code: &[u8],
    ) -> Site {
        let text = Machine::host().and_then(|machine| disassemble(machine, pc, code));
        let site = Site { pc, text, ..Site::default() };
        let lines = lines(tid);
        let Some(line) = lines.iter().find(|line| line.range.contains(&pc)) else { return site };
        let Some(module) = self.module(line) else { return site };
        let site = Site {
            module: Some(line.path.to_string_lossy().into_owned()),
            build_id: module.build_id().map(str::to_owned),
            ..site
        };
        let Some(address) = module.address_of(pc - line.range.start + line.offset) else {
            return site;
        };
        let (symbol, symbol_offset) = match module.symbol(address) {
            Some(symbol) => (Some(symbol.name), Some(symbol.offset)),
            None => match module.function_range(address) {
                Some(function) => {
                    let start = pc - (address - function.start);
                    let names = &mut seen.names;
                    let name =
                        names.entry(start).or_insert_with(|| self.imported_as(tid, &lines, start));
                    let name = name.clone();
                    let offset = name.is_some().then_some(address - function.start);
                    (name, offset)
                }
                None => (None, None),
            },
        };
        Site { address: Some(address), symbol, symbol_offset, ..site }
    }

    /// The name under which a module of the process imports the function at `start`: libraries
    /// without symbols still have the names that others call them by.
    fn imported_as(&mut self, tid: Tid, lines: &[Line], start: u64) -> Option<String> {
        let mut names: Vec<String> = Vec::new();
        for line in lines.iter().filter(|line| line.offset == 0) {
            let Some(module) = self.module(line) else { continue };
            let Some(first) = module.address_of(0) else { continue };
            for slot in module.slots() {
                let mut value = [0; 8];
                let place = line.range.start.wrapping_add(slot.address.wrapping_sub(first));
                let read = ptrace::read_memory(tid, place, &mut value);
                if read == Ok(value.len()) && u64::from_ne_bytes(value) == start {
                    names.push(slot.name.clone());
                }
            }
        }
        // Of several names the plainest: `memmove`, which also serves as `memcpy`, before `__…`.
        names.into_iter().min_by_key(|name| (name.starts_with('_'), usize::MAX - name.len()))
    }

    fn module(&mut self, line: &Line) -> Option<Rc<Module>> {
        if !line.path.is_absolute() {
            return None;
        }
        let key = (line.path.clone(), line.inode);
        self.modules.entry(key).or_insert_with(|| open(&line.path, line.inode).map(Rc::new)).clone()
    }
}

/// The module at `path`, if that is still the file that was mapped.
fn open(path: &Path, inode: u64) -> Option<Module> {
    let metadata = fs::metadata(path).ok()?;
    (metadata.is_file() && metadata.ino() == inode).then(|| Module::open(path).ok())?
}

fn lines(tid: Tid) -> Vec<Line> {
    let maps = fs::read_to_string(format!("/proc/{tid}/maps")).unwrap_or_default();
    maps.lines().filter_map(line).collect()
}

/// `7f0-7f1 r-xp 00026000 fe:00 1234   /usr/lib/libc.so.6`
fn line(text: &str) -> Option<Line> {
    let mut fields = text.splitn(6, ' ');
    let (start, end) = fields.next()?.split_once('-')?;
    let number = |digits: &str| u64::from_str_radix(digits, 16).ok();
    let offset = number(fields.nth(1)?)?;
    let inode = fields.nth(1)?.parse().ok()?;
    let path = PathBuf::from(fields.next()?.trim_start());
    Some(Line { range: number(start)?..number(end)?, offset, inode, path })
}
