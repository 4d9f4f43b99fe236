//! The plugin as QEMU loads it.

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int, c_uint};
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use busprobe_qemu_stream::{Arguments, ArgumentsError, Module, Record, Site, Start};
use thiserror::Error;

use crate::api::{Api, Id, Info, Missing};
use crate::instruction::{Instruction, Instructions};
use crate::layout::{Hold, Layout};
use crate::output::Output;
use crate::{maps, syscall, translate};

/// All that the callbacks share.
pub(crate) struct Plugin {
    pub(crate) api: Api,
    /// QEMU's name for the emulated instruction set.
    pub(crate) target: String,
    pub(crate) output: Output,
    pub(crate) layout: Layout,
    pub(crate) instructions: Instructions,
    /// Numbers of the system calls by which a process becomes another program.
    pub(crate) exec: Vec<i64>,
    /// Numbers of those that are given a list of buffers.
    pub(crate) vector: Vec<i64>,
    /// Bytes of a pointer of the emulated program.
    pub(crate) word: u8,
    /// Host address of emulated address 0: the same for the whole life of the process.
    pub(crate) guest_base: AtomicU64,
    cpus: [Cpu; CPUS],
}

/// Counters of an emulated CPU, on a cache line of its own.
#[derive(Default)]
#[repr(align(64))]
pub(crate) struct Cpu {
    /// Blocks of code begun.
    pub(crate) blocks: AtomicU64,
    /// The value of `blocks` at the last access to a window.
    pub(crate) last_access: AtomicU64,
}

/// CPUs beyond share their counters, which is slower but as good: the count of blocks only has to
/// change between two runs of one instruction.
const CPUS: usize = 64;

static PLUGIN: OnceLock<Plugin> = OnceLock::new();

/// The plugin, in callbacks.
pub(crate) fn plugin() -> Option<&'static Plugin> {
    PLUGIN.get()
}

impl Plugin {
    /// The counters of a CPU.
    pub(crate) fn cpu(&self, index: c_uint) -> &Cpu {
        &self.cpus[index as usize % CPUS]
    }

    /// Whether the instructions are those of 64-bit Arm.
    pub(crate) fn is_a64(&self) -> bool {
        self.target == "aarch64"
    }

    pub(crate) fn guest_base(&self) -> u64 {
        self.guest_base.load(Ordering::Relaxed)
    }

    /// Describes the instruction on the stream unless this process has done so.
    pub(crate) fn report_site(&self, process: u32, instruction: &Instruction) {
        if !instruction.is_news(process) {
            return;
        }
        let Instruction { id, pc, code, text, .. } = instruction;
        let address = pc.wrapping_add(self.guest_base());
        let module =
            maps::at(address).filter(|mapping| mapping.path.starts_with('/')).map(|mapping| {
                Module {
                    offset: mapping.offset + (address - mapping.range.start),
                    path: mapping.path,
                }
            });
        let (text, code) = (text.clone(), code.clone());
        self.output.put(&Record::Site(Site { process, id: *id, pc: *pc, code, text, module }));
    }
}

/// Why the plugin does not start.
#[derive(Debug, Error)]
enum InstallError {
    #[error("it is for user-mode emulation (qemu-ARCH), not for qemu-system-ARCH")]
    SystemEmulation,
    #[error(transparent)]
    Missing(#[from] Missing),
    #[error(transparent)]
    Arguments(#[from] ArgumentsError),
    #[error("{path}: {source}")]
    Stream { path: String, source: io::Error },
}

/// Called by QEMU when it loads the plugin.
///
/// # Safety
/// `info` and `words` must be as QEMU's header says of this function: valid for the call, with
/// `count` strings in `words`.
#[unsafe(no_mangle)]
unsafe extern "C" fn qemu_plugin_install(
    id: Id,
    info: *const Info,
    count: c_int,
    words: *const *const c_char,
) -> c_int {
    let words = (0..usize::try_from(count).unwrap_or(0))
        // SAFETY: the caller promises `count` strings.
        .map(|index| unsafe { CStr::from_ptr(*words.add(index)) }.to_string_lossy().into_owned())
        .collect::<Vec<_>>();
    // SAFETY: the caller promises that `info` is valid.
    match install(id, unsafe { &*info }, &words) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("busprobe-qemu: {error}");
            -1
        }
    }
}

fn install(id: Id, info: &Info, words: &[String]) -> Result<(), InstallError> {
    if info.system_emulation {
        return Err(InstallError::SystemEmulation);
    }
    let api = Api::resolve()?;
    let Arguments { stream, watches, exec, vector, word } =
        Arguments::parse(words.iter().map(String::as_str))?;
    let output =
        Output::open(&stream).map_err(|source| InstallError::Stream { path: stream, source })?;
    // SAFETY: QEMU gives a string that ends in NUL.
    let target = unsafe { CStr::from_ptr(info.target_name) }.to_string_lossy().into_owned();
    let plugin = PLUGIN.get_or_init(|| Plugin {
        api,
        target,
        output,
        layout: Layout::new(watches),
        instructions: Instructions::default(),
        exec,
        vector,
        word,
        guest_base: AtomicU64::new(0),
        cpus: std::array::from_fn(|_| Cpu::default()),
    });
    plugin.output.put(&Record::Start(Start {
        format: Start::FORMAT,
        target: plugin.target.clone(),
        values: plugin.api.value.is_some(),
    }));
    hold_still_across_fork();
    // SAFETY: the id is ours, and the callbacks are valid as long as the plugin is loaded, which
    // is as long as QEMU runs.
    unsafe {
        (plugin.api.register_translation)(id, translate::on_translation);
        (plugin.api.register_syscall)(id, syscall::on_syscall);
        (plugin.api.register_syscall_return)(id, syscall::on_syscall_return);
    }
    Ok(())
}

/// A forked process has only the thread that forked: a lock that another thread held would stay
/// locked in it for ever. So the forking thread takes the layout's lock itself around the fork
/// (`pthread_atfork`(3)). The lock of the instructions is only taken in translation, and QEMU
/// stops all emulated CPUs before it forks.
fn hold_still_across_fork() {
    thread_local! {
        static HELD: RefCell<Option<Hold<'static>>> = const { RefCell::new(None) };
    }
    extern "C" fn before() {
        HELD.set(plugin().map(|plugin| plugin.layout.hold()));
    }
    extern "C" fn after() {
        drop(HELD.take());
    }
    // SAFETY: the three functions are valid as long as the plugin is loaded.
    unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after)) };
}

/// This process, by the system's number.
pub(crate) fn process() -> u32 {
    std::process::id()
}

/// This thread, by the system's number.
pub(crate) fn thread() -> u32 {
    // SAFETY: has no preconditions.
    unsafe { libc::gettid() as u32 }
}

/// Nanoseconds of `CLOCK_MONOTONIC`.
pub(crate) fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the buffer is valid.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
