//! A mark that nobody sees does nothing.

use std::fs::File;
use std::io::Error;

#[test]
fn an_untraced_mark_leaves_errno_alone() {
    // So that there is an error to keep.
    let expected = File::open("/no/such/file").unwrap_err().raw_os_error();
    busprobe_mark::mark("nobody sees this");
    assert_eq!(Error::last_os_error().raw_os_error(), expected);
}

#[test]
fn a_text_may_be_longer_than_the_longest() {
    let text = "ä".repeat(busprobe_mark::LONGEST);
    busprobe_mark::mark(&text);
    busprobe_mark::mark("");
}
