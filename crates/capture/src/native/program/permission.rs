//! Why the system does not let this process trace, and what to do about it.

use std::fs;

use crate::native::ptrace::Tid;

/// What to do so that a program may be started under trace.
pub(crate) fn to_launch() -> String {
    match yama_scope().as_deref() {
        Some("2") => "kernel.yama.ptrace_scope is 2; run busprobe as root, or \
                      `sysctl kernel.yama.ptrace_scope=1`"
            .into(),
        Some("3") => NEVER.into(),
        _ => CONTAINER.into(),
    }
}

/// What to do so that a running process may be traced.
pub(crate) fn to_attach(process: Tid) -> String {
    // SAFETY: always succeeds and touches no memory.
    let user = unsafe { libc::geteuid() };
    match (user_of(process), yama_scope().as_deref()) {
        (_, Some("3")) => NEVER.into(),
        (Some(owner), _) if user != 0 && owner != user => {
            format!("it belongs to user {owner}; run busprobe as that user or as root")
        }
        (_, Some(scope @ ("1" | "2"))) if user != 0 => format!(
            "kernel.yama.ptrace_scope is {scope}, so a user's processes may not trace each other; \
             run busprobe as root, or `sysctl kernel.yama.ptrace_scope=0`"
        ),
        _ if user != 0 => "it may hold rights that this user has not; run busprobe as root".into(),
        _ => CONTAINER.into(),
    }
}

const NEVER: &str = "kernel.yama.ptrace_scope is 3, which lasts until the next boot; start the \
                     system with a lower one";
const CONTAINER: &str = "in a container, start it with `--cap-add SYS_PTRACE`";

fn yama_scope() -> Option<String> {
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").ok()?;
    Some(scope.trim().to_owned())
}

/// The real user, which is the first of four in `/proc/PID/status`.
fn user_of(process: Tid) -> Option<libc::uid_t> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let users = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    users.split_ascii_whitespace().next()?.parse().ok()
}
