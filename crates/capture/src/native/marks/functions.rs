//! Finding the functions that are to be marked in the modules of a process.

use std::ops::Range;
use std::rc::Rc;

use busprobe_site::{Module, SlotOf};
use nix::errno::Errno;

use super::breakpoint::{Purpose, is_set};
use crate::native::program::memory_map::{Line, lines};
use crate::native::ptrace::{self, Tid};
use crate::native::tracer::Tracer;
use crate::native::windows::space::overlap;

/// A module's code as it is mapped.
struct Code {
    module: Rc<Module>,
    range: Range<u64>,
    /// Where the module's address 0 is.
    base: u64,
}

impl Tracer<'_> {
    /// Whether it matters which code the program maps.
    pub(crate) fn marks_functions(&self) -> bool {
        !self.marked.wanted.is_empty()
    }

    /// Puts breakpoints at the functions to be marked in the code that is mapped in `range`.
    pub(crate) fn mark_functions(&mut self, tid: Tid, range: &Range<u64>) -> Result<(), Errno> {
        if !self.marks_functions() {
            return Ok(());
        }
        self.forget_replaced(tid, range);
        for code in self.code(tid, range) {
            for index in 0..self.marked.wanted.len() {
                for (place, is_resolver) in self.places(&code, index) {
                    let purpose =
                        if is_resolver { Purpose::Resolve(index) } else { Purpose::Mark(index) };
                    self.marked.wanted[index].is_found |=
                        self.set_breakpoint(tid, place, purpose)?;
                }
            }
        }
        Ok(())
    }

    /// As [`Tracer::mark_functions`], of all code of a program that is under way: also where its
    /// functions have been resolved to.
    pub(crate) fn mark_present_functions(&mut self, tid: Tid) -> Result<(), Errno> {
        let all = 0..u64::MAX;
        self.mark_functions(tid, &all)?;
        let modules = self.code(tid, &all);
        for index in 0..self.marked.wanted.len() {
            for defines in &modules {
                let resolvers = self.places(defines, index).into_iter();
                for (resolver, _) in resolvers.filter(|(_, is_resolver)| *is_resolver) {
                    for target in self.resolved(tid, &modules, defines, resolver, index) {
                        self.set_breakpoint(tid, target, Purpose::Mark(index))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Marks what a resolver has returned.
    pub(crate) fn mark_resolved(
        &mut self,
        tid: Tid,
        target: u64,
        index: usize,
    ) -> Result<(), Errno> {
        let is_module = |line: &Line| line.range.contains(&target) && is_changeable(line);
        if lines(tid).iter().any(is_module) {
            self.set_breakpoint(tid, target, Purpose::Mark(index))?;
        }
        Ok(())
    }

    /// Where the slots of all modules that a resolver has filled lead to.
    fn resolved(
        &self,
        tid: Tid,
        modules: &[Code],
        defines: &Code,
        resolver: u64,
        index: usize,
    ) -> Vec<u64> {
        let name = &self.marked.wanted[index].mark.function;
        let mut targets = Vec::new();
        for Code { module, base, .. } in modules {
            let is_own = *base == defines.base;
            for slot in module.slots() {
                let is_it = match &slot.of {
                    SlotOf::Import(import) => import == name,
                    SlotOf::Resolver(address) => is_own && address.wrapping_add(*base) == resolver,
                };
                if is_it && let Some(value) = ptrace::read_word(tid, slot.address + base) {
                    targets.push(value);
                }
            }
        }
        // One that is not filled yet leads to the linker.
        targets.retain(|target| {
            defines.range.contains(target)
                && defines.module.starts_function(target.wrapping_sub(defines.base))
        });
        targets
    }

    /// Where the function with that number is in a module's code, and whether each is a resolver.
    fn places(&self, code: &Code, index: usize) -> Vec<(u64, bool)> {
        let Code { module, range, base } = code;
        let wanted = &self.marked.wanted[index];
        if !wanted.may_be_in(&module.path().to_string_lossy()) {
            return Vec::new();
        }
        module
            .functions(&wanted.mark.function)
            .map(|function| (function.address.wrapping_add(*base), function.is_resolver))
            .filter(|(place, _)| range.contains(place))
            .collect()
    }

    /// The modules whose code is mapped in `range`.
    fn code(&mut self, tid: Tid, range: &Range<u64>) -> Vec<Code> {
        let mut all = Vec::new();
        let is_there = |line: &Line| is_changeable(line) && overlap(&line.range, range);
        for line in lines(tid).into_iter().filter(is_there) {
            let Some(module) = self.sites.module(&line) else { continue };
            let Some(address) = module.address_of(line.offset) else { continue };
            let base = line.range.start.wrapping_sub(address);
            all.push(Code { module, base, range: line.range });
        }
        all
    }

    /// Forgets breakpoints that other code has come to lie over.
    fn forget_replaced(&mut self, tid: Tid, range: &Range<u64>) {
        let is_there = |at: u64| is_set(tid, at);
        let breakpoints = &mut self.space_mut(tid).breakpoints;
        breakpoints.retain(|at, _| !range.contains(at) || is_there(*at));
    }
}

/// Whether a change there is this process's alone.
fn is_changeable(line: &Line) -> bool {
    line.is_code() && line.is_private
}
