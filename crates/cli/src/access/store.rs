//! Makes operations that store, and reads them back when that is asked for.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::access::form::padded;
use crate::access::manner::Manner;
use crate::access::operation::Operation;
use crate::access::session::Bus;
use crate::trouble::Trouble;

/// Stores, in order. With `verify` each operation is read back before the next one, and what
/// differs is printed; then the exit status is 1.
pub(crate) fn store(
    bus: &Bus,
    manner: Manner,
    operations: Vec<Operation>,
    verify: bool,
) -> Result<ExitCode, Trouble> {
    let plan: Vec<Operation> = operations
        .into_iter()
        .flat_map(|operation| {
            let read_back = verify.then(|| Operation::Read(operation.run()));
            [Some(operation), read_back]
        })
        .flatten()
        .collect();
    let Some(mut session) = bus.begin(manner, &plan)? else { return Ok(ExitCode::SUCCESS) };
    let mut out = io::stdout().lock();
    let mut differences = 0;
    for operation in plan.iter().filter(|operation| operation.writes()) {
        session.write(operation)?;
        if !verify {
            continue;
        }
        let run = operation.run();
        let (mut offsets, mut index) = (run.offsets(), 0);
        session.read(run, |block| {
            for (offset, found) in offsets.by_ref().zip(block.values()) {
                let (wrote, mask) = operation.stored(index);
                let found = found & mask;
                index += 1;
                if found != wrote {
                    differences += 1;
                    let (wrote, found) = (padded(wrote, run.width), padded(found, run.width));
                    writeln!(out, "{offset:#x}: wrote {wrote}, reads {found}")?;
                }
            }
            Ok(())
        })?;
    }
    session.finish()?;
    Ok(ExitCode::from(u8::from(differences > 0)))
}
