//! What a traced program did, in a few lines.

use std::io::{self, Write};

use busprobe_trace::{Event, Site, Trace, text};
use busprobe_verdict::{AxiLite, Class, Operation, Verdict, operations, remedy};

use crate::picture::columns;
use crate::verdict_table::{FEW, VerdictTable, badness};

/// Of one function, this many of its instructions are shown.
const INSTRUCTIONS: usize = 4;
/// Of an operation, this many functions and lines are shown.
const MAKERS: usize = 8;

/// Writes the verdict on each operation, which function made it, and what to write instead; of
/// many operations a table.
pub(crate) fn write(trace: &Trace, out: &mut impl Write) -> io::Result<()> {
    let operations = operations(trace, None);
    if operations.is_empty() {
        let names: Vec<&str> = trace.windows.iter().map(|window| window.name.as_str()).collect();
        let names = names.join(", ");
        let unseen: Vec<&str> = trace.losses().map(|loss| loss.detail.as_str()).collect();
        match &unseen[..] {
            [] => writeln!(out, "busprobe: nothing touched {names}")?,
            unseen => {
                let unseen = unseen.join("; ");
                writeln!(out, "busprobe: {names}: no access was recorded, and not seen: {unseen}")?;
            }
        }
    }
    let judged: Vec<(&Operation, Verdict)> = operations
        .iter()
        .flat_map(|operation| {
            let verdicts = operation.judge(&AxiLite::BITS_32, None);
            verdicts.into_iter().map(move |verdict| (operation, verdict))
        })
        .collect();
    if judged.len() > FEW {
        return write_table(&judged, out);
    }
    for (operation, verdict) in &judged {
        write_verdict(trace, operation, operations.len() > 1, verdict, out)?;
    }
    Ok(())
}

fn write_table(judged: &[(&Operation, Verdict)], out: &mut impl Write) -> io::Result<()> {
    let mut table = VerdictTable::default();
    for (operation, verdict) in judged {
        let head = &operation.head;
        table.add(Some(head.index), head.name(), verdict.to_string(), badness(verdict));
    }
    writeln!(out, "busprobe: {}", table.summary())?;
    writeln!(out, "{}", table.render(columns()))
}

fn write_verdict(
    trace: &Trace,
    operation: &Operation,
    with_name: bool,
    verdict: &Verdict,
    out: &mut impl Write,
) -> io::Result<()> {
    let head = &operation.head;
    let window = trace.window(head.window).map_or("?", |window| window.name.as_str());
    let name = head.name().filter(|_| with_name || head.mark().is_some());
    let name = name.map(|name| format!("{name}: ")).unwrap_or_default();
    writeln!(out, "busprobe: {window}: {name}{verdict}")?;
    if verdict.classes() == [Class::Exact] {
        return Ok(());
    }
    let direction = verdict.intent().direction();
    let sites = operation.events.iter().filter_map(|event| match event {
        Event::Access(access) if access.direction == direction => trace.site(access.site?),
        _ => None,
    });
    let makers = makers(sites);
    for (maker, instructions) in makers.iter().take(MAKERS) {
        let more = if instructions.len() > INSTRUCTIONS { "; ..." } else { "" };
        let shown = instructions[..instructions.len().min(INSTRUCTIONS)].join("; ");
        writeln!(out, "  made by {maker}: {shown}{more}")?;
    }
    if makers.len() > MAKERS {
        writeln!(out, "  and in {} more places", makers.len() - MAKERS)?;
    }
    let is_python = head.python().is_some() || trace.header.runs_python();
    if let (true, Some(line)) = (is_python, remedy::python(verdict.intent())) {
        writeln!(out, "  write instead: {line}")?;
    }
    Ok(())
}

/// The functions of these sites, and the lines of Python that called them, each with its
/// instructions, in order of appearance.
fn makers<'a>(sites: impl Iterator<Item = &'a Site>) -> Vec<(String, Vec<&'a str>)> {
    let mut makers: Vec<(String, Vec<&str>)> = Vec::new();
    for site in sites {
        let module = site.module_name().unwrap_or("unknown code");
        let function = match &site.symbol {
            Some(symbol) => format!("{module} {symbol}"),
            None if site.module.is_some() => text::place(site),
            None => module.to_owned(),
        };
        let maker = match &site.python {
            Some(line) => format!("{function} from {line} in {}", line.function),
            None => function,
        };
        let instruction = site.text.as_deref().unwrap_or("?");
        match makers.iter_mut().find(|(name, _)| *name == maker) {
            Some((_, instructions)) if instructions.contains(&instruction) => {}
            Some((_, instructions)) => instructions.push(instruction),
            None => makers.push((maker, vec![instruction])),
        }
    }
    makers
}
