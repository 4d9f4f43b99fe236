//! Which line of Python made an access: what a trace says is held to what the program itself says
//! of its frames at that moment.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::Command;

use busprobe_trace::{PythonLine, Trace, jsonl};

/// `At(n)` is the index n, and writes down which instruction asks for it.
const PRELUDE: &str = "\
import ctypes, dis, mmap, os, sys, threading
mm = mmap.mmap(-1, 65536)
mv = memoryview(mm).cast('I')
window = ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(mm)))
library = ctypes.CDLL(sys.argv[1])
report = open(sys.argv[3], 'w', encoding='utf-8')
class At:
    def __init__(self, index):
        self.index = index
    def __index__(self):
        frame = sys._getframe(1)
        code = frame.f_code
        offset = frame.f_lasti
        while dis.opname[code.co_code[offset]] == 'EXTENDED_ARG':
            offset += 2
        name = getattr(code, 'co_qualname', code.co_name)
        print(self.index, frame.f_lineno, offset, dis.opname[code.co_code[offset]], name,
              code.co_filename, sep='|', file=report, flush=True)
        return self.index
assert library.begin(window, ctypes.c_size_t(65536)) == 0
";

const END: &str = "\nassert library.end(sys.argv[2].encode()) == 0\n";

/// The interpreters of this machine; a version that is not there is named.
fn interpreters() -> Vec<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let installed = fs::read_dir(home.join(".pyenv/versions"))
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin/python3")))
        .chain(["/usr/bin/python3".into()])
        .filter(|python| python.exists());
    let version = |python: PathBuf| {
        let print = "import sys; print('3.%d' % sys.version_info[1])";
        let output = Command::new(&python).args(["-c", print]).output().ok()?;
        Some((String::from_utf8(output.stdout).ok()?.trim().to_owned(), python))
    };
    let found: Vec<_> = installed.filter_map(version).collect();
    let known = ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13"];
    let mut interpreters = Vec::new();
    for wanted in known {
        match found.iter().find(|(version, _)| version == wanted) {
            Some((_, python)) => interpreters.push(python.clone()),
            None => skip::because(format_args!("there is no CPython {wanted} here")),
        }
    }
    interpreters
}

/// The example that lets a script watch its own windows; cargo builds it with the tests.
fn library() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(2).unwrap();
    let library = target.join("examples/libown_windows.so");
    let missing = "cargo build -p busprobe-capture --example own_windows";
    assert!(library.exists(), "{} is not there: {missing}", library.display());
    library
}

/// Runs a script of these lines; gives its trace, and what it wrote down: an index and a line each.
fn script(python: &Path, lines: &str) -> (Trace, Vec<(u64, PythonLine)>) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (script, trace, report) = (path("skrípt.py"), path("trace.jsonl"), path("report"));
    fs::write(&script, format!("{PRELUDE}{lines}{END}")).unwrap();
    let mut command = Command::new(python);
    command.args([&script, &library(), &trace, &report]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}: {output:?}", python.display());
    let line = |line: &str| {
        let [index, number, offset, instruction, function, file] =
            line.split('|').collect::<Vec<_>>().try_into().unwrap();
        let line = PythonLine {
            file: file.to_owned(),
            line: number.parse().unwrap(),
            function: function.to_owned(),
            offset: Some(offset.parse().unwrap()),
            instruction: Some(instruction.to_owned()),
        };
        (index.parse().unwrap(), line)
    };
    let reported = fs::read_to_string(report).unwrap().lines().map(line).collect();
    let trace = jsonl::read(BufReader::new(File::open(trace).unwrap())).unwrap();
    (trace, reported)
}

fn python_lines(trace: &Trace) -> Vec<(u64, Option<&PythonLine>)> {
    let line = |site: Option<u32>| trace.site(site?)?.python.as_ref();
    trace.accesses().map(|access| (access.offset / 4, line(access.site))).collect()
}

/// The trace names each line as the program does. Each index is used once.
fn agrees(lines: &str) {
    for python in interpreters() {
        let (trace, mut reported) = script(&python, lines);
        let mut seen = python_lines(&trace);
        seen.sort_by_key(|(index, _)| *index);
        reported.sort_by_key(|(index, _)| *index);
        assert!(!reported.is_empty());
        assert_eq!(seen.len(), reported.len(), "{}", python.display());
        for ((index, line), (wanted, told)) in seen.into_iter().zip(&reported) {
            assert_eq!((index, line), (*wanted, Some(told)), "{}", python.display());
        }
    }
}

#[test]
fn functions_generators_and_the_module_itself_are_named() {
    agrees(
        "
mv[At(0)] = 1
def poke(at):
    first = 1; mv[
        At(at)
    ] = 2
poke(1)
class Outer:
    class Inner:
        def method(self):
            def nested():
                mv[At(2)] = 3
            nested()
        @staticmethod
        def größe(): mv[At(3)] = 4
        def __del__(self): mv[At(5)] = 1
    mv[At(6)] = 1
Outer.Inner().method()
Outer.Inner.größe()
(lambda at: mv[At(at)])(7)
def numbers():
    for index in range(10, 13):
        yield mv[At(index)]
        mv[At(index + 10)] = index
[mv[At(30 + index)] for index in range(3)]
list(numbers())
sum(mv[At(40 + index)] for index in range(2))
def hot(table, index):
    table[index % 3] = index
    mv[At(index)] = table[index % 3]
    return mv[At(index + 1000)]
table = [0] * 3
for index in range(100, 300):
    hot(table, index)
",
    );
}

/// All of them are apt to lie where the one before lay, with all that belongs to them.
#[test]
fn code_that_comes_where_other_code_was_is_not_taken_for_it() {
    agrees(
        "
for index in range(50):
    exec(compile('\\n' * (index % 7) + 'mv[At(%d)] = 1' % index, 'cell%02d' % index, 'exec'))
for index in range(50, 60):
    exec('mv[At(index)] = 1\\n' if index % 2 else '\\nmv[At(index)]\\n')
    eval('mv[At(index + 10)]')
",
    );
}

#[test]
fn each_thread_has_the_line_that_it_runs_itself() {
    agrees(
        "
def first():
    for index in range(100):
        mv[At(index)] = 1
def second():
    for index in range(100, 200):
        mv[At(index)]
threads = [threading.Thread(target=one) for one in (first, second)]
for one in threads: one.start()
for index in range(200, 300):
    mv[At(index)] = 3
for one in threads: one.join()
",
    );
}

/// What is called through ctypes runs without the interpreter's lock.
#[test]
fn a_call_without_the_interpreters_lock_has_the_line_that_called() {
    let lines = "
libc = ctypes.CDLL(None)
def busy():
    while not done: sum(range(100))
done = False
other = threading.Thread(target=busy); other.start()
for again in range(20):
    libc.memset(window, 1, ctypes.c_size_t(4))
done = True; other.join()
";
    for python in interpreters() {
        let (trace, _) = script(&python, lines);
        let expected = PRELUDE.lines().count() as u32 + 8;
        let seen = python_lines(&trace);
        assert!(seen.len() >= 20);
        for (_, line) in seen {
            assert_eq!(line.map(|line| line.line), Some(expected), "{}", python.display());
        }
    }
}
