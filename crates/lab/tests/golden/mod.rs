//! Reads `seed.txt`, which says what it is.

/// One write as the bus saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "each test file compiles this one for itself")]
pub(crate) struct Write {
    pub(crate) offset: u64,
    pub(crate) data: u64,
    pub(crate) size: u32,
}

#[derive(Default)]
#[allow(dead_code, reason = "each test file compiles this one for itself")]
pub(crate) struct Golden {
    /// Words in the slice, and the writes.
    pub(crate) slices: Vec<(u64, Vec<Write>)>,
    /// Words in the slice, and how many writes there were.
    pub(crate) table: Vec<(u64, usize)>,
}

pub(crate) fn read() -> Golden {
    let mut golden = Golden::default();
    let mut section = "";
    for line in include_str!("seed.txt").lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
            if let Some(words) = section.strip_prefix("slice ") {
                golden.slices.push((words.parse().unwrap(), Vec::new()));
            }
        } else if line.is_empty() || line.starts_with('#') {
            // Between the listings, and the account of where they come from.
        } else if section == "table" {
            let (words, writes) = line.split_once(' ').unwrap();
            golden.table.push((words.parse().unwrap(), writes.parse().unwrap()));
        } else if section.starts_with("slice ") {
            golden.slices.last_mut().unwrap().1.push(write(line));
        }
    }
    golden
}

/// `W addr 0x0 data 0x1 size 4`
fn write(line: &str) -> Write {
    let words: Vec<&str> = line.split(' ').collect();
    let ["W", "addr", offset, "data", data, "size", size] = words[..] else {
        panic!("no write: {line}");
    };
    let hex = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap();
    Write { offset: hex(offset), data: hex(data), size: size.parse().unwrap() }
}
