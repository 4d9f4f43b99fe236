//! A diagnosis for people.

use std::fmt::Write;

use busprobe_diagnose::{
    Build, CauseKind, CountsFit, Diagnosis, Finding, Fit, Routine, Row, Splitting, builds,
};

/// So many operations are shown; the others are counted.
const MOST_SHOWN: usize = 100;
/// So many CPUs are named, and these before others: most boards have one of them.
const MOST_CPUS: usize = 3;
const COMMON_CPUS: [&str; MOST_CPUS] = ["cortex-a57", "cortex-a53", "cortex-a72"];
/// Columns before what is said.
const LABEL: usize = 9;

pub(super) fn diagnosis(diagnosis: &Diagnosis) -> String {
    let mut text = String::new();
    for block in diagnosis.blocks.iter().take(MOST_SHOWN) {
        finding(&mut text, block);
    }
    let more = diagnosis.blocks.len().saturating_sub(MOST_SHOWN);
    if more > 0 {
        let _ = writeln!(text, "... and {more} more operations; --json has them all\n");
    }
    let inexact = diagnosis.blocks.iter().filter(|block| !block.is_exact()).count();
    let names = if diagnosis.common.is_empty() {
        let fits = diagnosis.blocks.iter().flat_map(|block| &block.copies);
        let mut names: Vec<&str> = fits.map(|fit| fit.routine.name).collect();
        names.sort_unstable();
        names.dedup();
        names
    } else {
        let _ = writeln!(text, "All {inexact} operations that are not exact can be the same copy:");
        diagnosis.common.clone()
    };
    if inexact > 0 {
        for routine in Routine::ALL.iter().filter(|routine| names.contains(&routine.name)) {
            let words = format!("{} ({})", routine.words, routine.machine);
            match seen_in(routine) {
                seen if seen.is_empty() => _ = writeln!(text, "  {words}"),
                seen => _ = writeln!(text, "  {words}: {seen}"),
            }
        }
    }
    for unseen in &diagnosis.unseen {
        let _ = writeln!(text, "Not seen: {unseen}");
    }
    text
}

fn finding(text: &mut String, block: &Finding) {
    let accesses = match block.count {
        1 => format!("access {}", block.first),
        count => format!("accesses {} to {}", block.first, block.first + count - 1),
    };
    let place = match &block.name {
        Some(name) if block.part => format!("{name}, {accesses}"),
        Some(name) => name.clone(),
        None => accesses,
    };
    let words: Vec<&str> = block.verdicts.iter().map(|verdict| verdict.words.as_str()).collect();
    let _ = writeln!(text, "{place}: {}", words.join("; "));
    let plain = block.fits(CauseKind::EachOnce).is_some();
    for cause in block.causes.iter().filter(|cause| cause.fits) {
        // What needs no explanation needs no second one.
        if !(plain && cause.kind == CauseKind::WriteCombining) {
            say(text, "fits", &cause.words);
        }
    }
    for fit in &block.copies {
        say(text, "fits", &copy(fit));
    }
    for cause in block.causes.iter().filter(|cause| !cause.fits) {
        say(text, "cannot", &cause.words);
    }
    say(text, "sure", &sure(block));
    if let (false, true, Some(remedy)) = (block.is_exact(), block.is_explained(), &block.remedy) {
        say(text, "instead", remedy);
    }
    text.push('\n');
}

fn say(text: &mut String, label: &str, words: &str) {
    let _ = writeln!(text, "  {label:LABEL$}{words}");
}

/// `glibc's generic copy (aarch64) of 256 bytes, source at 0 modulo 16`
fn copy(fit: &Fit) -> String {
    let mut text =
        format!("{} ({}) of {} bytes", fit.routine.words, fit.routine.machine, fit.length);
    if !fit.sources.is_empty() {
        let _ = write!(text, ", source at {} modulo 16", list(&fit.sources));
    }
    match fit.near {
        Some(true) => text.push_str(", buffers near each other modulo 4 KiB"),
        Some(false) if fit.length > 128 => text.push_str(", buffers not near each other"),
        _ => {}
    }
    text.push_str(match fit.unaligned {
        Some(Splitting::Beats) => ", unaligned stores split by the bus",
        Some(Splitting::Bytes) => ", unaligned stores split into bytes (QEMU before 9.0)",
        None => "",
    });
    text
}

fn list(numbers: &[u64]) -> String {
    numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}

/// The libraries that copy so, each with the CPUs on which it does:
/// `glibc 2.31, 2.36 (cortex-a57, apple-m1, cortex-a34 and 15 more)`
fn seen_in(routine: &Routine) -> String {
    let mut libraries: Vec<(&str, Vec<Build>)> = Vec::new();
    for build in builds(routine) {
        match libraries.iter_mut().find(|(name, _)| *name == build.libc) {
            Some((_, builds)) => builds.push(build),
            None => libraries.push((build.libc, vec![build])),
        }
    }
    let of_library = |(name, builds): &(&str, Vec<Build>)| {
        let mut versions: Vec<&str> = builds
            .iter()
            .map(|build| build.version.split('-').next().unwrap_or(build.version))
            .collect();
        versions.dedup();
        let cpus = cpus(builds);
        let on = if cpus.is_empty() { String::new() } else { format!(" ({cpus})") };
        format!("{name} {}{on}", versions.join(", "))
    };
    libraries.iter().map(of_library).collect::<Vec<_>>().join("; ")
}

fn cpus(builds: &[Build]) -> String {
    let mut cpus: Vec<&str> = builds.iter().flat_map(|build| build.cpus.split(' ')).collect();
    cpus.sort_unstable();
    cpus.dedup();
    cpus.sort_by_key(|cpu| COMMON_CPUS.iter().position(|known| known == cpu).unwrap_or(MOST_CPUS));
    match &cpus[..] {
        ["any"] => "any CPU".to_owned(),
        ["-"] => String::new(),
        all if all.len() <= MOST_CPUS => all.join(", "),
        all => {
            format!("{} and {} more", all[..MOST_CPUS].join(", "), all.len() - MOST_CPUS)
        }
    }
}

fn sure(block: &Finding) -> String {
    let what = if block.with_data { "order, place and data" } else { "order and place" };
    let beats = match block.count {
        1 => "1 beat".to_owned(),
        count => format!("all {count} beats"),
    };
    let others = block.causes.iter().filter(|cause| cause.fits).count();
    let fitting = block.copies.len();
    match (fitting, others) {
        (0, 0) => format!(
            "nothing that is known makes this as one operation: none of {} copy routines, and no \
             effect of a bus; it can be single accesses, each its own",
            block.compared
        ),
        (0, _) => format!("{beats} by {what}; none of {} copy routines fits", block.compared),
        (fitting, _) => {
            let routines = if fitting == 1 { "routine does" } else { "routines do" };
            format!("{beats} by {what}; {fitting} of {} copy {routines} the same", block.compared)
        }
    }
}

pub(super) fn counts(rows: &[Row], fits: &[CountsFit]) -> String {
    let mut text = String::new();
    let total = rows.len();
    let all = fits.iter().filter(|fit| fit.others.is_empty()).count();
    let _ = writeln!(text, "{total} rows; {all} of {} copy routines fit all of them", fits.len());
    for fit in fits {
        let others = fit.others.len();
        let routine = format!("{} ({})", fit.routine.words, fit.routine.machine);
        if others == 0 {
            let mut words = routine;
            if !fit.sources.is_empty() {
                let _ = write!(words, ", source at {} modulo 16", list(&fit.sources));
            }
            if fit.unaligned == Splitting::Bytes {
                words.push_str(", unaligned stores split into bytes");
            }
            let seen = seen_in(fit.routine);
            if !seen.is_empty() {
                let _ = write!(words, ": {seen}");
            }
            say(&mut text, "fits", &words);
        } else {
            let mut differing: Vec<String> = fit
                .others
                .iter()
                .take(MOST_CPUS)
                .map(|row| format!("{} for {}", row.beats, row.words))
                .collect();
            if others > MOST_CPUS {
                differing.push("...".to_owned());
            }
            let words =
                format!("{routine}: {others} of {total} rows differ ({})", differing.join(", "));
            say(&mut text, "cannot", &words);
        }
    }
    if let Some(row) = rows.iter().find(|row| row.words != row.beats) {
        let (words, beats) = (row.words, row.beats);
        let _ = writeln!(
            text,
            "A loop of stores, or busprobe.view(mm, \"I\")[0:{words}] = data, makes {words} where \
             this has {beats}."
        );
    }
    text
}
