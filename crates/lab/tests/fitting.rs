//! From a bare sequence of writes back to who makes it.

mod golden;
mod libcs;

use busprobe_lab::{Cpu, Fit, Function, Lab, Unaligned};
use busprobe_trace::Trace;
use busprobe_verdict::{AxiLite, lower};

fn sequence(trace: &Trace) -> Vec<(u64, u32)> {
    let beats = lower(&AxiLite::BITS_32, trace.accesses());
    beats.iter().map(|beat| (beat.offset, beat.size)).collect()
}

fn glibc() -> Option<Lab> {
    let mut lab = Lab::open(&libcs::path("libc6")?, Cpu::default()).unwrap();
    lab.add_symbols(&libcs::path("libc6-dbg")?).unwrap();
    Some(lab)
}

fn names(fits: &[Fit]) -> Vec<&str> {
    fits.iter().map(|fit| fit.candidate.routine.symbol.as_deref().unwrap()).collect()
}

#[test]
fn each_listing_fits_the_generic_copy_of_a_cortex_a57() {
    let Some(mut lab) = glibc() else { return };
    for (words, writes) in golden::read().slices {
        let wanted: Vec<(u64, u32)> =
            writes.iter().map(|write| (write.offset, write.size)).collect();
        let fits =
            lab.fits(Function::Memcpy, 0, 4 * words, |trace| sequence(trace) == wanted).unwrap();
        let generic = fits
            .iter()
            .find(|fit| fit.candidate.routine.symbol.as_deref() == Some("__memcpy_generic"))
            .unwrap_or_else(|| panic!("{words} words fit {:?}", names(&fits)));
        assert!(generic.candidate.cpus.contains(&"cortex-a57"));
        assert!(generic.sources.contains(&0));
        assert_eq!(generic.unaligned, Unaligned::Fault);
    }
}

#[test]
fn a_doubled_word_rules_out_thunderx() {
    let Some(mut lab) = glibc() else { return };
    // Four words, each twice: ThunderX2 writes them once.
    let twice: Vec<(u64, u32)> = [0, 4, 8, 12, 0, 4, 8, 12].map(|offset| (offset, 4)).to_vec();
    let fits = lab.fits(Function::Memcpy, 0, 16, |trace| sequence(trace) == twice).unwrap();
    assert!(names(&fits).contains(&"__memcpy_generic"), "{:?}", names(&fits));
    assert!(!names(&fits).iter().any(|name| name.contains("thunderx")), "{:?}", names(&fits));
}

#[test]
fn what_no_routine_does_fits_none() {
    let Some(mut lab) = glibc() else { return };
    let descending: Vec<(u64, u32)> = (0..16).rev().map(|word| (4 * word, 4)).collect();
    let fits = lab.fits(Function::Memcpy, 0, 64, |trace| sequence(trace) == descending).unwrap();
    assert!(fits.is_empty(), "{:?}", names(&fits));
}

#[test]
fn every_cpu_has_one_candidate() {
    let Some(mut lab) = glibc() else { return };
    for function in [Function::Memcpy, Function::Memmove, Function::Memset] {
        let candidates = lab.candidates(function).unwrap();
        let mut cpus: Vec<&str> =
            candidates.iter().flat_map(|candidate| &candidate.cpus).copied().collect();
        cpus.sort_unstable();
        let mut all: Vec<&str> = Cpu::names().collect();
        all.sort_unstable();
        assert_eq!(cpus, all);
    }
}
