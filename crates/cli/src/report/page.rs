//! The page around the pictures.

use std::fmt::Write;

use busprobe_trace::{Level, Trace, text};
use busprobe_verdict::explain::Api;
use busprobe_verdict::{Bus, Class, Verdict, remedy};

use super::picture::picture;
use super::{Judged, Origin, origins};
use crate::markup::escape;

/// Every operation has a row in the list; so many have a section of their own.
const MOST_SECTIONS: usize = 200;
/// A page with more rows than this is no page to read.
const MOST_ROWS: usize = 2000;
/// So many places of code are listed for one operation.
const MOST_ORIGINS: usize = 50;

const STYLE: &str = include_str!("style.css");

pub(super) fn page(title: &str, trace: &Trace, bus: &dyn Bus, judged: &[Judged]) -> String {
    let mut page = String::new();
    let title = escape(title);
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title} - busprobe</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
    );
    head(&mut page, &title, trace, bus, judged);
    if judged.len() > 1 {
        list(&mut page, judged);
    }
    for (index, one) in judged.iter().enumerate().take(MOST_SECTIONS) {
        section(&mut page, index, trace, bus, one);
    }
    if judged.len() > MOST_SECTIONS {
        let left = judged.len() - MOST_SECTIONS;
        let _ =
            writeln!(page, "<p class=\"note\">{left} more operations are in the list only.</p>");
    }
    let _ = write!(
        page,
        "<footer>Made by busprobe {}. Each mark is one transaction on the bus.</footer>\n\
         </body>\n</html>\n",
        env!("CARGO_PKG_VERSION")
    );
    page
}

fn head(page: &mut String, title: &str, trace: &Trace, bus: &dyn Bus, judged: &[Judged]) {
    let exact = judged.iter().filter(|one| one.verdict.is_exact()).count();
    let unseen = judged.iter().filter(|one| one.verdict.classes().is_empty()).count();
    let (class, summary) = match (judged.len(), exact, judged.len() - exact - unseen) {
        (0, ..) => ("unknown", "No access was recorded.".to_owned()),
        (1, 1, _) => ("good", "The bus saw exactly what was meant.".to_owned()),
        (1, _, 1) => ("bad", "The bus did not see what was meant.".to_owned()),
        (all, exact, _) if all == exact => {
            ("good", format!("All {all} operations put exactly what was meant on the bus."))
        }
        (_, _, 0) => {
            ("unknown", "Nothing was wrong in what was seen, but not all was seen.".to_owned())
        }
        (all, _, wrong) if all == wrong => {
            ("bad", format!("None of {all} operations put what was meant on the bus."))
        }
        (all, _, wrong) => {
            ("bad", format!("{wrong} of {all} operations did not put what was meant on the bus."))
        }
    };
    let header = &trace.header;
    let level = match header.level {
        Level::Instruction => "what the instructions issued",
        Level::Bus => "what the bus saw",
    };
    let _ = write!(
        page,
        "<header>\n<p class=\"product\">busprobe report</p>\n<h1>{title}</h1>\n\
         <p class=\"summary {class}\">{summary}</p>\n<dl>\n"
    );
    let mut fact = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(page, "<div><dt>{name}</dt><dd>{}</dd></div>", escape(value));
        }
    };
    fact("Recorded", level);
    fact("By", &format!("{:?} capture", header.capture).to_lowercase());
    let machine = match &header.cpu {
        Some(cpu) => format!("{}, {cpu}", header.machine),
        None if header.machine == "unknown" => String::new(),
        None => header.machine.clone(),
    };
    fact("Machine", &machine);
    fact("Bus", bus.name());
    fact("Command", &header.command.join(" "));
    page.push_str("</dl>\n</header>\n");
}

fn list(page: &mut String, judged: &[Judged]) {
    page.push_str(
        "<nav>\n<table>\n<thead><tr><th>Operation</th><th>Meant</th><th>Verdict</th></tr></thead>\n\
         <tbody>\n",
    );
    for (index, Judged { operation, verdict }) in judged.iter().enumerate().take(MOST_ROWS) {
        let name = escape(&name(index, operation.name()));
        let name =
            if index < MOST_SECTIONS { format!("<a href=\"#op{index}\">{name}</a>") } else { name };
        let _ = writeln!(
            page,
            "<tr><td>{name}</td><td><code>{}</code></td><td>{} {}</td></tr>",
            escape(&verdict.intent().to_string()),
            chips(verdict),
            escape(&verdict.to_string())
        );
    }
    page.push_str("</tbody>\n</table>\n");
    if judged.len() > MOST_ROWS {
        let left = judged.len() - MOST_ROWS;
        let _ = writeln!(page, "<p class=\"note\">and {left} more</p>");
    }
    page.push_str("</nav>\n");
}

fn name(index: usize, name: Option<String>) -> String {
    name.unwrap_or_else(|| format!("Operation {}", index + 1))
}

/// One word for each class, coloured and spelled out.
fn chips(verdict: &Verdict) -> String {
    let chip = |class: &Class| {
        let kind = if *class == Class::Exact { "good" } else { "bad" };
        format!("<span class=\"chip {kind}\">{}</span>", class.name())
    };
    match verdict.classes() {
        [] => "<span class=\"chip unknown\">not all seen</span>".to_owned(),
        classes => classes.iter().map(chip).collect::<Vec<_>>().join(" "),
    }
}

fn section(page: &mut String, index: usize, trace: &Trace, bus: &dyn Bus, judged: &Judged) {
    let Judged { operation, verdict } = judged;
    let _ = write!(
        page,
        "<section id=\"op{index}\">\n<h2>{}</h2>\n<p class=\"verdict\">{}</p>\n\
         <p>{} <span class=\"meant\">meant: <code>{}</code></span></p>\n",
        escape(&name(index, operation.name())),
        escape(&verdict.to_string()),
        chips(verdict),
        escape(&verdict.intent().to_string()),
    );
    page.push_str(&picture(verdict, bus));
    let origins = origins(trace, judged);
    let exactly = match origins.first() {
        Some(origin) => Api::of(origin.site, &trace.header).exact_call(verdict.intent()),
        None => remedy::python(verdict.intent()),
    };
    if let (false, Some(line)) = (verdict.classes() == [Class::Exact], exactly) {
        let _ = writeln!(page, "<h3>Write instead</h3>\n<pre><code>{}</code></pre>", escape(&line));
    }
    where_from(page, &origins);
    if !verdict.unseen().is_empty() {
        page.push_str("<h3>Not seen</h3>\n<ul>\n");
        for unseen in verdict.unseen() {
            let _ = writeln!(page, "<li>{}</li>", escape(unseen));
        }
        page.push_str("</ul>\n");
    }
    page.push_str("</section>\n");
}

fn where_from(page: &mut String, origins: &[Origin<'_>]) {
    if origins.is_empty() {
        return;
    }
    page.push_str(
        "<h3>Where it came from</h3>\n<table>\n<thead><tr><th class=\"number\">Accesses</th>\
         <th>Touched</th><th>Function</th><th>Instruction</th></tr></thead>\n<tbody>\n",
    );
    for origin in origins.iter().take(MOST_ORIGINS) {
        let Origin { site, accesses, touched: (start, end) } = origin;
        let python = site.python.as_ref().map_or(String::new(), |line| {
            let text = format!("{}:{} in {}", line.file, line.line, line.function);
            format!("<br><span class=\"meant\">{}</span>", escape(&text))
        });
        let _ = writeln!(
            page,
            "<tr><td class=\"number\">{accesses}</td><td><code>{start:#x}-{:#x}</code></td>\
             <td>{}{python}</td><td><code>{}</code></td></tr>",
            end.saturating_sub(1),
            escape(&text::place(site)),
            escape(site.text.as_deref().unwrap_or_default()),
        );
    }
    page.push_str("</tbody>\n</table>\n");
    if origins.len() > MOST_ORIGINS {
        let left = origins.len() - MOST_ORIGINS;
        let _ = writeln!(page, "<p class=\"note\">and {left} more places</p>");
    }
}
