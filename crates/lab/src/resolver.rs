//! Which routine a libc gives a program on a given CPU: its own resolver is run and asked.
//!
//! glibc's resolvers read the dynamic linker's `cpu_features`
//! (`sysdeps/unix/sysv/linux/aarch64/cpu-features.h`), an object inside `_rtld_global_ro` whose
//! place changes from build to build. The place is not assumed: the resolvers run, their loads are
//! watched, and the one of eight bytes is `midr_el1`. From there on the members lie in the same
//! order in all versions: `zva_size` at +8, `sve` at +14, and after it, in the builds that have
//! them, `prefer_sve_ifuncs` and `mops`.

use std::collections::BTreeMap;

use crate::engine::Trap;
use crate::image::{BASE, Image, LINKER_DATA};
use crate::process::{Outcome, Process, RESOLVER_ARGUMENT};
use crate::{Cpu, Function, LabError};

/// `AT_HWCAP` bits (Linux, `arch/arm64/include/uapi/asm/hwcap.h`).
const HWCAP_FP_ASIMD: u64 = 0b11;
const HWCAP_SVE: u64 = 1 << 22;

/// Says that a resolver's second argument is there (glibc, `sys/ifunc.h`).
const IFUNC_ARG_HWCAP: u64 = 1 << 62;

/// Instructions; glibc's take about 30.
const LIMIT: u64 = 10_000;

/// Members of `cpu_features`, counted from `midr_el1`.
const ZVA_SIZE: u64 = 8;
const SVE: u64 = 14;
const LAST: u64 = 23;

/// Offsets in the dynamic linker's data, and how many bytes were loaded there.
type Loads = BTreeMap<u64, u32>;

/// Runs resolvers on behalf of one CPU.
pub(crate) struct Resolver<'a> {
    pub(crate) image: &'a Image,
    pub(crate) process: &'a mut Process,
    pub(crate) cpu: &'a Cpu,
}

impl Resolver<'_> {
    /// The routine that the resolver of `function` at `address` returns; addresses as the file
    /// counts.
    pub(crate) fn resolve(mut self, function: Function, address: u64) -> Result<u64, LabError> {
        let error = |what| LabError::Resolver { function: function.name(), address, what };
        let (routine, blank) = self.ask(address, &[]).map_err(error)?;
        if blank.is_empty() {
            // It decides by its arguments alone, or by nothing.
            return Ok(routine);
        }
        let midr = self.place_of_midr(&blank).map_err(error)?;
        let mut facts = vec![
            (midr, self.cpu.midr().to_le_bytes().to_vec()),
            (midr + ZVA_SIZE, self.cpu.zva_block().to_le_bytes().to_vec()),
        ];
        if self.cpu.has_sve() {
            facts.push((midr + SVE, vec![1]));
        }
        let (mut routine, mut told) = self.ask(address, &facts).map_err(error)?;
        if let Some(prefer_sve) = prefer_sve_ifuncs(midr, &blank, &told)
            && self.cpu.has_sve()
        {
            facts.push((prefer_sve, vec![1]));
            (routine, told) = self.ask(address, &facts).map_err(error)?;
        }
        check(midr, &blank).and_then(|()| check(midr, &told)).map_err(error)?;
        Ok(routine)
    }

    /// The one load of eight bytes. A resolver that did not need it yet is helped by those of
    /// other functions: the object is the same.
    fn place_of_midr(&mut self, loads: &Loads) -> Result<u64, String> {
        let mut all = loads.clone();
        for function in [Function::Memcpy, Function::Memmove, Function::Memset] {
            if let Some(symbol) = self.image.function(function.name())
                && symbol.indirect
                && let Ok((_, more)) = self.ask(symbol.address, &[])
            {
                all.extend(more);
            }
        }
        let mut wide = all.iter().filter(|(_, size)| **size == 8).map(|(offset, _)| *offset);
        match (wide.next(), wide.next()) {
            (Some(midr), None) => Ok(midr),
            _ => Err(in_words(&all)),
        }
    }

    /// Runs the resolver at `address` with `facts` (offset and bytes) in an otherwise blank
    /// `_rtld_global_ro`.
    fn ask(&mut self, address: u64, facts: &[(u64, Vec<u8>)]) -> Result<(u64, Loads), String> {
        for (offset, bytes) in facts {
            self.process.load(LINKER_DATA + offset, bytes);
        }
        let hwcap = HWCAP_FP_ASIMD | if self.cpu.has_sve() { HWCAP_SVE } else { 0 };
        let argument = [24_u64, hwcap, 0].map(u64::to_le_bytes).concat();
        self.process.load(RESOLVER_ARGUMENT, &argument);

        let mut loads = Loads::new();
        let arguments = [hwcap | IFUNC_ARG_HWCAP, RESOLVER_ARGUMENT, 0];
        let outcome = self.process.call(self.image, address, arguments, LIMIT, |step| {
            for touch in step.touches {
                loads.insert(touch.address.wrapping_sub(LINKER_DATA), touch.size);
            }
            true
        });
        for (offset, bytes) in facts {
            self.process.load(LINKER_DATA + offset, &vec![0; bytes.len()]);
        }
        match outcome {
            Outcome::Returned(routine) if self.image.is_code(routine.wrapping_sub(BASE)) => {
                Ok((routine - BASE, loads))
            }
            Outcome::Returned(value) => Err(format!("returns {value:#x}, which is no code of it")),
            Outcome::Trapped { address, trap: Trap::Unmapped { .. } } => {
                Err(format!("uses memory outside the libc at {address:#x}"))
            }
            Outcome::Trapped { address, .. } => Err(format!("cannot be run beyond {address:#x}")),
            Outcome::Stopped | Outcome::Endless(_) => Err("does not return".to_owned()),
        }
    }
}

/// Whether all loads are of known members.
fn check(midr: u64, loads: &Loads) -> Result<(), String> {
    let known = |offset: u64, size: u32| match offset.checked_sub(midr) {
        Some(0) => size == 8,
        Some(ZVA_SIZE) => size == 4,
        Some(member) => (12..=LAST).contains(&member) && size == 1,
        None => false,
    };
    let all = loads.iter().all(|(offset, size)| known(*offset, *size));
    if all { Ok(()) } else { Err(in_words(loads)) }
}

/// The place of `prefer_sve_ifuncs`, if the resolver read it.
///
/// It and `mops` follow `sve`, in this order, and builds have either, both or none. `mops` is read
/// before all else; `prefer_sve_ifuncs` only where there is SVE.
fn prefer_sve_ifuncs(midr: u64, blank: &Loads, told: &Loads) -> Option<u64> {
    let mut after_sve = told.range(midr + SVE + 1..).map(|(offset, _)| *offset);
    match (after_sve.next(), after_sve.next()) {
        (Some(first), Some(_)) => Some(first),
        (Some(only), None) if !blank.contains_key(&only) => Some(only),
        _ => None,
    }
}

fn in_words(loads: &Loads) -> String {
    let each = loads.iter().map(|(offset, size)| format!("{size} bytes at +{offset:#x}"));
    format!("loads {} from _rtld_global_ro", each.collect::<Vec<_>>().join(", "))
}
