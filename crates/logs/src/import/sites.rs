//! The sites of a log, each named once.

use std::collections::HashMap;

use busprobe_trace::Site;

/// A log with more places of code than this keeps its accesses but not where the rest came from.
const MOST_SITES: usize = 1 << 18;

/// Where a log says that an access came from.
#[derive(Clone, Copy)]
pub(super) struct Code<'a> {
    /// The instruction's address; 0 when the log has only the function.
    pub(super) pc: u64,
    /// The function and, after `+`, the bytes from its start.
    pub(super) symbol: &'a [u8],
}

/// The address and the symbol.
type Key = (u64, Box<[u8]>);

#[derive(Default)]
pub(super) struct Sites {
    ids: HashMap<Key, u32>,
    last: Option<(Key, u32)>,
    /// Accesses whose site was one too many.
    pub(super) left_out: u64,
}

impl Sites {
    /// The site's id, and the site if this is the first time that it is met.
    pub(super) fn id(&mut self, code: Code) -> (Option<u32>, Option<Site>) {
        if let Some(((pc, symbol), id)) = &self.last
            && *pc == code.pc
            && **symbol == *code.symbol
        {
            return (Some(*id), None);
        }
        let key = (code.pc, Box::from(code.symbol));
        let mut new = None;
        let id = match self.ids.get(&key) {
            Some(&id) => id,
            None if self.ids.len() >= MOST_SITES => {
                self.left_out += 1;
                return (None, None);
            }
            None => {
                let id = self.ids.len() as u32;
                self.ids.insert(key.clone(), id);
                new = Some(site(id, code));
                id
            }
        };
        self.last = Some((key, id));
        (Some(id), new)
    }
}

/// `symbol` is `function`, `function+0x24` or, as the kernel writes it, `function+0x24/0x60`, with
/// the module behind it in brackets.
fn site(id: u32, Code { pc, symbol }: Code) -> Site {
    let symbol = String::from_utf8_lossy(symbol);
    let (symbol, module) = match symbol.split_once(" [") {
        Some((symbol, module)) => (symbol, Some(module.trim_end_matches(']').to_owned())),
        None => (&*symbol, None),
    };
    let (function, offset) = match symbol.split_once("+0x") {
        Some((function, offset)) => {
            let offset = offset.split('/').next().unwrap_or_default();
            (function, u64::from_str_radix(offset, 16).ok())
        }
        None => (symbol, None),
    };
    Site {
        id,
        pc,
        module,
        symbol: (!function.is_empty()).then(|| function.to_owned()),
        symbol_offset: offset,
        ..Site::default()
    }
}
