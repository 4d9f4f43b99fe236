//! `busprobe explain`: one operation, from the program's line down to the beats.

mod bytecode;

use std::fmt::Write as _;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use busprobe_trace::{Access, Direction, Level, PythonLine, Site, Trace, text};
use busprobe_verdict::explain::{Explanation, Routine};
use busprobe_verdict::{Beat, Bus, Class, Operation};

use crate::judging::Judging;
use crate::trace_file::load;
use crate::trouble::Trouble;

/// Explain one operation: from the program's line down to the bus, and what to write instead.
///
/// Shown are the Python line and its bytecode instruction, the functions that led to the access
/// (with `trace --stack`), the instructions, the beats, the verdict, why it came out so, and the
/// call that puts exactly what was meant.
#[derive(clap::Args)]
#[command(after_help = "Examples: busprobe explain block.jsonl\n          \
                        busprobe explain block.jsonl --op 3 --bus device")]
pub(crate) struct Args {
    /// The trace, as `busprobe trace -o` writes it
    trace: PathBuf,

    /// Which operation, counted from 1 as `check` lists them; without it the first that is not
    /// exact
    #[arg(long, value_name = "N")]
    op: Option<usize>,

    #[command(flatten)]
    judging: Judging,

    /// Show every access and every beat, however many
    #[arg(long)]
    all: bool,
}

/// Accesses and lines of beats that are shown of a long operation, at its start and at its end.
const SHOWN: usize = 8;

/// Columns of a sentence.
const WIDTH: usize = 88;

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let Judging { intent, bus, .. } = &args.judging;
    let (trace, damage) = load(&args.trace)?;
    let path = args.trace.display();
    let operations = args.judging.operations(&trace);
    if operations.is_empty() {
        return Err(Trouble::new(format!(
            "{path}: no access in it, so there is nothing to explain"
        )));
    }
    let explained: Vec<Vec<Explanation>> = operations
        .iter()
        .map(|operation| Explanation::of(operation, &trace, bus.as_ref(), intent.as_ref()))
        .collect();
    let index = match args.op {
        Some(number) if (1..=operations.len()).contains(&number) => number - 1,
        Some(number) => {
            let count = operations.len();
            return Err(Trouble::new(format!(
                "{path}: there is no operation {number}; it has {count}, counted from 1"
            )));
        }
        None => {
            let is_exact = |e: &Explanation| e.verdict.is_exact();
            explained.iter().position(|both| !both.iter().all(is_exact)).unwrap_or(0)
        }
    };
    let mut out = io::stdout().lock();
    let explanations = &explained[index];
    let page = Page { trace: &trace, bus: bus.as_ref(), all: args.all };
    write!(out, "{}", page.heading(&operations, index))?;
    for explanation in explanations {
        write!(out, "\n{}", page.explanation(explanation))?;
    }
    if operations.len() > 1 && args.op.is_none() && io::stderr().is_terminal() {
        eprintln!("busprobe: {} operations; --op N explains another", operations.len());
    }
    if let Some(damage) = damage {
        return Err(Trouble::new(format!("{path}: {damage}; explained is what came before")));
    }
    let exact = explanations.iter().all(|explanation| explanation.verdict.is_exact());
    Ok(ExitCode::from(u8::from(!exact)))
}

/// How an explanation is laid out: a word on the left, what it is on the right.
struct Page<'a> {
    trace: &'a Trace,
    bus: &'a dyn Bus,
    all: bool,
}

impl Page<'_> {
    fn heading(&self, operations: &[Operation], index: usize) -> String {
        let operation = &operations[index];
        let window = self.trace.window(operation.head.window).map_or("?", |window| &window.name);
        let mark = operation.head.mark().map(|mark| format!("{mark}: ")).unwrap_or_default();
        let (number, count) = (index + 1, operations.len());
        format!("{mark}operation {number} of {count}, in {window}\n")
    }

    fn explanation(&self, explanation: &Explanation) -> String {
        let mut page = String::new();
        if let Some(line) = explanation.python() {
            row(&mut page, "python", &python(line));
        }
        if let Some(api) = explanation.api {
            let direction = explanation.verdict.intent().direction();
            let habit = api.habit(direction).map(|habit| format!(": {habit}")).unwrap_or_default();
            sentences(&mut page, "through", &[format!("{}{habit}", api.name())]);
        }
        if let Some(site) = explanation.site {
            let callers: Vec<String> = site.stack.iter().map(ToString::to_string).collect();
            row(&mut page, "called by", &callers);
        }
        row(&mut page, "routine", &routines(explanation));
        row(&mut page, "accesses", &self.accesses(explanation));
        row(&mut page, "beats", &self.beats(explanation));
        row(&mut page, "verdict", &[explanation.verdict.to_string()]);
        sentences(&mut page, "why", &self.why(explanation));
        if explanation.verdict.classes() != [Class::Exact] {
            row(&mut page, "exactly", &explanation.exact_call().into_iter().collect::<Vec<_>>());
        }
        page
    }

    fn accesses(&self, explanation: &Explanation) -> Vec<String> {
        let accesses = &explanation.accesses;
        let mut lines = vec![count(accesses)];
        let line = |(index, access): (usize, &&Access)| {
            let data = access.data.map_or("?".to_owned(), |data| format!("{data:#}"));
            let Access { direction, offset, size, .. } = access;
            let site = access.site.and_then(|id| self.trace.site(id));
            let place = site.map(instruction).unwrap_or_default();
            let number = index + 1;
            let letter = direction.letter();
            format!("{number:>4}  {letter} addr {offset:#x} data {data} size {size}   {place}")
        };
        lines.extend(self.shortened(accesses.iter().enumerate().map(line).collect()));
        lines
    }

    fn beats(&self, explanation: &Explanation) -> Vec<String> {
        let beats = explanation.verdict.beats();
        let mut lines = vec![format!("{} on {}", beats.len(), self.bus.name())];
        let line = |(index, beat): (usize, &Beat)| {
            let data = beat.data.map_or("?".to_owned(), |data| format!("{data:#}"));
            let Beat { direction, offset, size, .. } = beat;
            let (number, letter) = (index + 1, direction.letter());
            format!("{number:>4}  {letter} addr {offset:#x} data {data} size {size}")
        };
        lines.extend(self.shortened(beats.iter().enumerate().map(line).collect()));
        lines
    }

    /// The start and the end of a long list.
    fn shortened(&self, mut lines: Vec<String>) -> Vec<String> {
        if !self.all && lines.len() > 2 * SHOWN + 1 {
            let left = lines.len() - 2 * SHOWN;
            let more = format!("      ... {left} more, shown with --all");
            lines.splice(SHOWN..SHOWN + left, [more]);
        }
        lines
    }

    fn why(&self, explanation: &Explanation) -> Vec<String> {
        let mut reasons: Vec<String> = explanation.causes.iter().map(ToString::to_string).collect();
        let classes = explanation.verdict.classes();
        let is_more = classes.contains(&Class::Doubled) || classes.contains(&Class::Extra);
        if is_more && self.trace.header.level == Level::Instruction {
            reasons.push(
                "not write combining: these are the instructions' own accesses, and write \
                 combining can only make beats fewer"
                    .to_owned(),
            );
        }
        reasons
    }
}

/// The label beside the first line, the others below it; nothing when there are none.
fn row(page: &mut String, label: &str, lines: &[String]) {
    for (index, line) in lines.iter().enumerate() {
        let label = if index == 0 { label } else { "" };
        let _ = writeln!(page, "{label:<10} {line}");
    }
}

/// The same for sentences, which are broken at the end of the line.
fn sentences(page: &mut String, label: &str, texts: &[String]) {
    let mark = if texts.len() > 1 { "- " } else { "" };
    let rest = " ".repeat(mark.len());
    let options = textwrap::Options::new(WIDTH).initial_indent(mark).subsequent_indent(&rest);
    let lines = texts.iter().flat_map(|text| textwrap::wrap(text, &options));
    row(page, label, &lines.map(String::from).collect::<Vec<_>>());
}

/// Where the program was: the line, its text when the file is there, the bytecode instruction.
fn python(line: &PythonLine) -> Vec<String> {
    let PythonLine { file, line: number, function, .. } = line;
    let mut lines = vec![format!("{file}:{number} in {function}")];
    let source = fs::read_to_string(file).ok();
    let source = source.as_ref().and_then(|text| text.lines().nth(*number as usize - 1));
    lines.extend(source.map(|text| format!("    {}", text.trim())));
    lines.extend(bytecode::listing(line).into_iter().map(|text| format!("    {text}")));
    lines
}

fn routines(explanation: &Explanation) -> Vec<String> {
    let of = |routine: &Routine| {
        let site = routine.site;
        let module = site.module_name().unwrap_or("unknown code");
        let name = match &site.symbol {
            Some(symbol) => format!("{module} {symbol}"),
            None => text::place(site),
        };
        let build = site.build_id.as_ref().map(|id| format!("   build id {id}"));
        format!("{name}{}", build.unwrap_or_default())
    };
    explanation.routines.iter().map(of).collect()
}

/// The instruction, with its place in the function.
fn instruction(site: &Site) -> String {
    let place = match (&site.symbol, site.symbol_offset) {
        (Some(_), Some(offset)) => format!("+{offset:#x}"),
        _ => text::place(site),
    };
    match &site.text {
        Some(text) => format!("{place}  {text}"),
        None => place,
    }
}

fn count(accesses: &[&Access]) -> String {
    let of = |direction| accesses.iter().filter(|a| a.direction == direction).count();
    let noun = |count: usize, one: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {one}s")),
    };
    let words = [noun(of(Direction::Read), "load"), noun(of(Direction::Write), "store")];
    words.into_iter().flatten().collect::<Vec<_>>().join(" and ")
}
