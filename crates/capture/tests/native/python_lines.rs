//! Which line of Python made an access: what the capture says is held to what the program itself
//! says of its frames at that moment.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use busprobe_trace::{Access, PythonLine};

use crate::program::{Bench, Run, run};

/// `At(n)` is the index n, and while the subscription asks for it, it writes down which
/// instruction that is.
const PRELUDE: &str = "\
import asyncio, ctypes, dis, mmap, os, sys, threading
mm = mmap.mmap(os.open(sys.argv[1], os.O_RDWR), 65536)
mv = memoryview(mm).cast('I')
report = open(sys.argv[2], 'w', encoding='utf-8')
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
";

/// The interpreters of this machine; a version that is not there is named.
fn interpreters() -> Vec<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let installed: Vec<PathBuf> = fs::read_dir(home.join(".pyenv/versions"))
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin/python3")))
        .chain(["/usr/bin/python3".into()])
        .filter(|python| python.exists())
        .collect();
    let version = |python: &PathBuf| {
        let print = "import sys; print('3.%d' % sys.version_info[1])";
        let output = Command::new(python).args(["-c", print]).output().ok()?;
        Some((String::from_utf8(output.stdout).ok()?.trim().to_owned(), python.clone()))
    };
    let found: Vec<_> = installed.iter().filter_map(version).collect();
    let known = ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13"];
    for missing in known.iter().filter(|known| found.iter().all(|(found, _)| found != *known)) {
        skip::because(format_args!("there is no CPython {missing} here"));
    }
    let is_known = |(version, _): &(String, PathBuf)| known.contains(&version.as_str());
    found.into_iter().filter(is_known).map(|(_, python)| python).collect()
}

/// Runs a script of these lines, and gives what it wrote down: an index and a line each.
fn script(python: &Path, bench: &Bench, lines: &str) -> (Run, Vec<(u64, PythonLine)>) {
    let (script, report) = (bench.path("skrípt.py"), bench.path("report"));
    fs::write(&script, format!("{PRELUDE}{lines}")).unwrap();
    let words = [python.to_path_buf(), script, bench.window(), report.clone()];
    let output = File::create(bench.path("output")).unwrap();
    let run = run(bench.capture(words).stdout(output)).succeeded();
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
    (run, reported)
}

fn python_line<'a>(run: &'a Run, access: &Access) -> Option<&'a PythonLine> {
    run.trace.site(access.site?)?.python.as_ref()
}

/// The capture names each line as the program does.
fn agrees(lines: &str) {
    for python in interpreters() {
        let (run, reported) = script(&python, &Bench::new(), lines);
        let by_index = |index: u64| run.trace.accesses().filter(move |a| a.offset == 4 * index);
        for (index, line) in &reported {
            let seen = by_index(*index)
                .find_map(|access| python_line(&run, access).filter(|seen| *seen == line));
            let all: Vec<_> = by_index(*index).map(|access| python_line(&run, access)).collect();
            assert!(seen.is_some(), "{}: {index}: {line:?} among {all:?}", python.display());
        }
        assert_eq!(reported.len(), run.trace.accesses().count(), "{}", python.display());
        assert!(!reported.is_empty());
    }
}

#[test]
fn functions_methods_and_the_module_itself_are_named() {
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
        @property
        def prop(self): return mv[At(4)]
        def __del__(self): mv[At(5)] = 1
    mv[At(6)] = 1
Outer.Inner().method()
Outer.Inner.größe()
Outer.Inner().prop
(lambda at: mv[At(at)])(7)
",
    );
}

#[test]
fn comprehensions_generators_and_coroutines_are_named() {
    agrees(
        "
def numbers():
    for index in range(3):
        yield mv[At(index)]
        mv[At(index + 10)] = index
[mv[At(20 + index)] for index in range(3)]
{index: mv[At(30 + index)]
 for index in range(2)}
list(numbers())
sum(mv[At(40 + index)] for index in range(2))
async def wait():
    await asyncio.sleep(0)
    mv[At(50)] = 1
    return [mv[At(51 + index)] async for index in agen()]
async def agen():
    for index in range(2):
        yield index
        await asyncio.sleep(0)
        mv[At(60 + index)] = 1
asyncio.run(wait())
",
    );
}

/// Long enough that `CPython` puts specialised instructions in place.
#[test]
fn instructions_that_have_been_specialised_keep_their_names() {
    agrees(
        "
def hot(table, index):
    table[index % 3] = index
    mv[At(index)] = table[index % 3]
    return mv[At(index + 1000)]
table = [0] * 3
for index in range(200):
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
fn instructions_with_prefixes_and_far_lines_are_named() {
    agrees(
        "
names = ''.join('    v%d = %d\\n' % (n, n + 1000) for n in range(400))
gap = '\\n' * 500
exec('def long():\\n' + names + '    mv[At(v300)] = v301\\n' + gap + '    mv[At(v302 + v399)] = 7\\n'
     '    for a in (v1, v2):\\n        mv[At(a)]\\n')
long()
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
def child():
    mv[At(300)] = 1
threads = [threading.Thread(target=one) for one in (first, second)]
for one in threads: one.start()
for index in range(200, 300):
    mv[At(index)] = 3
for one in threads: one.join()
if os.fork() == 0:
    child()
    os._exit(0)
os.wait()
",
    );
}

#[test]
fn a_call_without_the_interpreters_lock_has_the_line_that_called() {
    let lines = "
window = ctypes.addressof(ctypes.c_char.from_buffer(mm))
set = ctypes.CDLL(None).memset
set.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
def busy():
    while not done: sum(range(100))
done = False
other = threading.Thread(target=busy); other.start()
for again in range(20):
    set(window, 1, 4)
done = True; other.join()
";
    for python in interpreters() {
        let (run, _) = script(&python, &Bench::new(), lines);
        let expected = PRELUDE.lines().count() as u32 + 10;
        let seen: Vec<_> = run.trace.accesses().map(|access| python_line(&run, access)).collect();
        assert!(seen.len() >= 20);
        assert!(
            seen.iter().all(|line| line.is_some_and(|line| line.line == expected)),
            "{}: {seen:?}",
            python.display()
        );
    }
}

#[test]
fn a_thread_that_python_does_not_know_has_no_line() {
    let code = "
        #include <pthread.h>
        static void *store(void *at) { *(volatile unsigned *)at = 1; return 0; }
        void elsewhere(void *at) {
            pthread_t thread;
            pthread_create(&thread, 0, store, at);
            pthread_join(thread, 0);
        }";
    let bench = Bench::new();
    let (source, library) = (bench.path("elsewhere.c"), bench.path("elsewhere.so"));
    fs::write(&source, code).unwrap();
    let built = Command::new("cc")
        .args(["-O1", "-shared", "-fPIC", "-pthread", "-o"])
        .args([&library, &source])
        .status();
    assert!(built.is_ok_and(|status| status.success()), "apt-get install gcc libc6-dev");
    let lines = format!(
        "
window = ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(mm)))
mv[At(1)] = 2
ctypes.CDLL({:?}).elsewhere(window)
",
        library.display()
    );
    for python in interpreters() {
        let (run, reported) = script(&python, &bench, &lines);
        let lines: Vec<_> = run.trace.accesses().map(|access| python_line(&run, access)).collect();
        assert_eq!(lines, [Some(&reported[0].1), None], "{}", python.display());
    }
}

#[test]
fn two_lines_that_store_by_one_instruction_are_two_sites() {
    for python in interpreters() {
        let (run, _) =
            script(&python, &Bench::new(), "mv[0] = 1\nmv[0] = 2\nmv[0] = 3; mv[0] = 4\n");
        let pcs: Vec<u64> = run.trace.sites.iter().map(|site| site.pc).collect();
        assert_eq!(pcs, [pcs[0]; 4], "{}", python.display());
    }
}
