//! Which routines put a given sequence on the bus: the question that a bare bus log asks.

use busprobe_trace::Trace;

use crate::run::{Call, Ending, Unaligned};
use crate::{Chosen, Cpu, Function, Lab, LabError, Routine};

/// A routine that some CPUs get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The routine.
    pub routine: Routine,
    /// The CPUs, by the names that [`Cpu::named`] takes.
    pub cpus: Vec<&'static str>,
}

/// A way to get the sequence that was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fit {
    /// Who makes it.
    pub candidate: Candidate,
    /// Where the source has to lie, modulo 16.
    pub sources: Vec<u64>,
    /// What became of unaligned accesses; [`Unaligned::Fault`] when there are none.
    pub unaligned: Unaligned,
}

impl Lab {
    /// The routines that the known CPUs get for `function`, by address.
    ///
    /// # Errors
    /// As [`Lab::routine`].
    pub fn candidates(&mut self, function: Function) -> Result<Vec<Candidate>, LabError> {
        let own = self.routine(function)?;
        if own.chosen == Chosen::Only {
            return Ok(vec![Candidate { routine: own, cpus: Cpu::names().collect() }]);
        }
        let mut candidates: Vec<Candidate> = Vec::new();
        for cpu in Cpu::all() {
            let routine = self.routine_on(function, cpu)?;
            match candidates.iter_mut().find(|candidate| candidate.routine == routine) {
                Some(candidate) => candidate.cpus.push(cpu.name()),
                None => candidates.push(Candidate { routine, cpus: vec![cpu.name()] }),
            }
        }
        candidates.sort_by_key(|candidate| candidate.routine.address);
        Ok(candidates)
    }

    /// The ways in which a call of `function` on `length` bytes at `destination` makes a trace for
    /// which `same` holds. All that decides a routine's sequence is tried: the routine, the
    /// source's place modulo 16, and what becomes of unaligned accesses.
    ///
    /// # Errors
    /// As [`Lab::routine`] and [`Lab::run`].
    pub fn fits(
        &mut self,
        function: Function,
        destination: u64,
        length: u64,
        mut same: impl FnMut(&Trace) -> bool,
    ) -> Result<Vec<Fit>, LabError> {
        let mut fits: Vec<Fit> = Vec::new();
        for candidate in self.candidates(function)? {
            for source in 0..16 {
                for unaligned in [Unaligned::Fault, Unaligned::Bytes, Unaligned::Beats] {
                    let call = Call { destination, source, unaligned, ..Call::of(length) };
                    let run = self.run(&candidate.routine, &call)?;
                    let complete = run.ending == Ending::Returned;
                    if complete && same(&run.trace) {
                        let known = |fit: &&mut Fit| {
                            fit.candidate == candidate && fit.unaligned == unaligned
                        };
                        match fits.iter_mut().find(known) {
                            Some(fit) => fit.sources.push(source),
                            None => fits.push(Fit {
                                candidate: candidate.clone(),
                                sources: vec![source],
                                unaligned,
                            }),
                        }
                    }
                    if complete && unaligned == Unaligned::Fault {
                        // Nothing is unaligned, so the other policies change nothing.
                        break;
                    }
                }
            }
        }
        Ok(fits)
    }
}
