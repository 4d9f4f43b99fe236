//! From what the plugin says of an instruction to a site of the trace.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use busprobe_qemu_stream::{Python, Site as Told};
use busprobe_site::{Module, disassemble};
use busprobe_trace::{PythonLine, Site};

/// A file that code is mapped from, and the debug file of its build when there is one.
struct Known {
    module: Module,
    debug: Option<Module>,
}

/// The sites of a trace, each once however many processes run the instruction.
#[derive(Default)]
pub(crate) struct Sites {
    /// Folders with debug files by build id.
    debug_folders: Vec<PathBuf>,
    modules: HashMap<String, Option<Known>>,
    /// Instructions and lines of Python, by process and the plugin's number.
    instructions: HashMap<(u32, u32), Rc<Site>>,
    lines: HashMap<(u32, u32), PythonLine>,
    /// By process, instruction and line.
    ids: HashMap<(u32, u32, Option<u32>), u32>,
    known: HashMap<Site, u32>,
}

impl Sites {
    /// No sites yet; functions' names come from debug files in these folders as well.
    pub(crate) fn new(debug_folders: Vec<PathBuf>) -> Sites {
        Sites { debug_folders, ..Sites::default() }
    }

    /// Takes note of an instruction.
    pub(crate) fn learn(&mut self, told: &Told) {
        let site = Rc::new(self.describe(told));
        self.instructions.insert((told.process, told.id), site);
    }

    /// Takes note of a line of Python.
    pub(crate) fn learn_line(&mut self, told: Python) {
        let Python { process, id, file, line, function, offset, instruction } = told;
        let line = PythonLine { file, line, function, offset: Some(offset), instruction };
        self.lines.insert((process, id), line);
    }

    /// The site of an instruction that a line of Python had run, by the numbers that a process
    /// calls them; and the site itself when the trace does not have it yet.
    pub(crate) fn get(
        &mut self,
        process: u32,
        instruction: u32,
        line: Option<u32>,
    ) -> Option<(u32, Option<Site>)> {
        if let Some(id) = self.ids.get(&(process, instruction, line)) {
            return Some((*id, None));
        }
        let site = self.instructions.get(&(process, instruction))?;
        let python = line.and_then(|line| self.lines.get(&(process, line)).cloned());
        let site = Site { python, ..Site::clone(site) };
        let next = self.known.len() as u32;
        let id = *self.known.entry(site.clone()).or_insert(next);
        self.ids.insert((process, instruction, line), id);
        Some((id, (id == next).then_some(Site { id, ..site })))
    }

    /// The instruction that a process calls by that number, in words.
    pub(crate) fn text(&self, process: u32, number: u32) -> String {
        let site = self.instructions.get(&(process, number));
        site.and_then(|site| site.text.clone()).unwrap_or_else(|| "an instruction".to_owned())
    }

    fn describe(&mut self, told: &Told) -> Site {
        let mut site = Site { pc: told.pc, text: text(told, None), ..Site::default() };
        let Some(place) = &told.module else { return site };
        site.module = Some(place.path.clone());
        let module = self
            .modules
            .entry(place.path.clone())
            .or_insert_with(|| open(Path::new(&place.path), &self.debug_folders));
        let Some(Known { module, debug }) = module else { return site };
        site.text = text(told, Some(module));
        site.build_id = module.build_id().map(str::to_owned);
        site.address = module.address_of(place.offset);
        let symbol = |address| {
            module
                .symbol(address)
                .or_else(|| debug.as_ref().and_then(|debug| debug.symbol(address)))
        };
        if let Some(symbol) = site.address.and_then(symbol) {
            site.symbol = Some(symbol.name);
            site.symbol_offset = Some(symbol.offset);
        }
        site
    }
}

/// Reads a file that code is mapped from, and its debug file (GDB manual, "Separate Debug Files").
fn open(path: &Path, debug_folders: &[PathBuf]) -> Option<Known> {
    let module = Module::open(path).ok()?;
    let debug = module.build_id().and_then(|id| {
        let (first, rest) = id.split_at_checked(2)?;
        let file = Path::new(".build-id").join(first).join(format!("{rest}.debug"));
        let opened =
            debug_folders.iter().filter_map(|folder| Module::open(&folder.join(&file)).ok());
        opened.into_iter().find(|debug| debug.build_id() == Some(id))
    });
    Some(Known { module, debug })
}

/// The instruction in words: QEMU's, or ours when it was built without a disassembler.
fn text(told: &Told, module: Option<&Module>) -> Option<String> {
    // Some of QEMU's disassemblers put the code before the words, as one number.
    let is_code = |word: &str| {
        let digits = 2 * told.code.len();
        word.len() == digits
            && u64::from_str_radix(word, 16).is_ok_and(|number| {
                told.code.len() <= 8 && number.to_le_bytes()[..told.code.len()] == told.code[..]
            })
    };
    let words = told.text.split_whitespace();
    let words = words.enumerate().skip_while(|(place, word)| *place == 0 && is_code(word));
    let words = words.map(|(_, word)| word);
    let text = words.collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        module.and_then(|module| disassemble(module.machine(), told.pc, &told.code))
    } else {
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(process: u32, id: u32, text: &str) -> Told {
        let code = vec![0x5c, 0xc1];
        Told { process, id, pc: 0x10658, code, text: text.to_owned(), module: None }
    }

    #[test]
    fn the_code_before_the_words_is_left_out() {
        let text = "c15c              sw                      a5,4(a0)";
        let mut sites = Sites::default();
        sites.learn(&told(1, 0, text));
        let (_, site) = sites.get(1, 0, None).unwrap();
        assert_eq!(site.unwrap().text.as_deref(), Some("sw a5,4(a0)"));
    }

    #[test]
    fn a_forked_process_shares_its_parents_sites() {
        let mut sites = Sites::default();
        for told in
            [told(1, 5, "sw a5,4(a0)"), told(2, 5, "sw a5,4(a0)"), told(2, 6, "lw a5,4(a0)")]
        {
            sites.learn(&told);
        }
        let mut id = |process, number| {
            sites.get(process, number, None).map(|(id, site)| (id, site.is_some()))
        };
        let ids = [id(1, 5), id(2, 5), id(2, 6), id(2, 6)];
        assert_eq!(ids, [Some((0, true)), Some((0, false)), Some((1, true)), Some((1, false))]);
        assert_eq!(id(1, 6), None);
    }

    #[test]
    fn an_instruction_that_two_lines_of_python_run_is_two_sites() {
        let line = |process, id, line| Python {
            process,
            id,
            file: "seed.py".to_owned(),
            line,
            function: "main".to_owned(),
            offset: 4,
            instruction: None,
        };
        let mut sites = Sites::default();
        for process in [1, 2] {
            sites.learn(&told(process, 5, "sw a5,4(a0)"));
        }
        for line in [line(1, 0, 12), line(1, 1, 13), line(2, 0, 13)] {
            sites.learn_line(line);
        }
        let mut id = |process, line| {
            let (id, site) = sites.get(process, 5, line).unwrap();
            (id, site.map(|site| site.python.map(|python| python.line)))
        };
        assert_eq!(id(1, Some(0)), (0, Some(Some(12))));
        assert_eq!(id(1, Some(1)), (1, Some(Some(13))));
        assert_eq!(id(2, Some(0)), (1, None));
        assert_eq!(id(2, None), (2, Some(None)));
    }
}
