//! Functions whose calls are marks: which ones, and what to say of those that are not there.

use std::collections::BTreeSet;
use std::fmt;

use strsim::jaro_winkler;

use crate::module_name::is_named;
use crate::native::tracer::Tracer;

/// A function whose calls are marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkOn {
    /// The function's name, as the symbol table spells it.
    pub function: String,
    /// The module that it has to be in, by path or name (`libc.so.6`, `libc`); any if `None`.
    pub module: Option<String>,
    /// The mark's text.
    pub text: String,
}

/// A function that was to be marked, and that no module of the program has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotFound {
    /// What was asked for.
    pub wanted: MarkOn,
    /// Whether there is a module of the name that was asked for, if one was.
    pub has_module: bool,
    /// Names of functions that there are, the likeliest first.
    pub nearest: Vec<String>,
}

/// How many names are offered in place of one that is not there.
const MOST_OFFERED: usize = 4;

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MarkOn { function, module, .. } = &self.wanted;
        match module {
            Some(module) if !self.has_module => {
                return write!(f, "no mark on {function}: the program has no module {module}");
            }
            Some(module) => write!(f, "no mark on {function}: {module} has no such function")?,
            None => write!(f, "no mark on {function}: no module has such a function")?,
        }
        match &self.nearest[..] {
            [] => Ok(()),
            nearest => write!(f, "; there is {}", nearest.join(", ")),
        }
    }
}

/// What hears of functions that are not there.
pub(crate) type Listener = Box<dyn FnMut(&NotFound)>;

/// All functions that are to be marked, by number.
#[derive(Default)]
pub(crate) struct Marked {
    pub(crate) wanted: Vec<Wanted>,
    pub(crate) listener: Option<Listener>,
}

/// One of them.
pub(crate) struct Wanted {
    pub(crate) mark: MarkOn,
    pub(crate) is_found: bool,
    pub(crate) is_said: bool,
}

impl Wanted {
    /// Whether it may be in the module at `path`.
    pub(crate) fn may_be_in(&self, path: &str) -> bool {
        self.mark.module.as_ref().is_none_or(|module| is_named(path, module))
    }
}

impl Tracer<'_> {
    /// Tells of the functions that have not been found so far, of each once.
    pub(crate) fn say_not_found(&mut self) {
        let missing = self.marked.wanted.iter().filter(|it| !it.is_found && !it.is_said);
        let missing: Vec<NotFound> = missing.map(|wanted| self.not_found(wanted)).collect();
        self.marked.wanted.iter_mut().for_each(|it| it.is_said |= !it.is_found);
        if let Some(listener) = &mut self.marked.listener {
            missing.iter().for_each(listener);
        }
    }

    fn not_found(&self, wanted: &Wanted) -> NotFound {
        let path = |module: &busprobe_site::Module| module.path().to_string_lossy().into_owned();
        let modules: Vec<_> =
            self.sites.modules().filter(|module| wanted.may_be_in(&path(module))).collect();
        let names = modules.iter().flat_map(|module| module.function_names());
        let nearest = nearest(&wanted.mark.function, names);
        NotFound { wanted: wanted.mark.clone(), has_module: !modules.is_empty(), nearest }
    }
}

/// The names that are most like `wanted`, or that have it in them, as mangled names do.
fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    const LIKE: f64 = 0.85;
    let likeness = |name: &str| {
        let like = jaro_winkler(wanted, name);
        if name.contains(wanted) { like.max(LIKE) } else { like }
    };
    let mut found: Vec<(f64, &str)> = names
        .collect::<BTreeSet<_>>()
        .into_iter()
        .map(|name| (likeness(name), name))
        .filter(|(like, _)| *like >= LIKE)
        .collect();
    // Of equals the shortest.
    found.sort_by(|(a, one), (b, other)| b.total_cmp(a).then(one.len().cmp(&other.len())));
    found.into_iter().take(MOST_OFFERED).map(|(_, name)| name.to_owned()).collect()
}
