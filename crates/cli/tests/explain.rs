//! `busprobe explain` leads from the program's line down to the bus.

use assert_cmd::Command;

const HEADER: &str = r#"{"t":"trace","version":1,"level":"instruction","capture":"native","machine":"x86_64","command":["python3","seed.py"]}"#;
const WINDOW: &str = r#"{"t":"window","id":0,"name":"window.bin","length":4096}"#;

/// A store to one of two sites of glibc's copy, called from memoryview.
const SITES: [&str; 2] = [
    r#"{"t":"site","id":0,"pc":4198522,"module":"/lib/libc.so.6","build_id":"93ac61ec","symbol":"memcpy","symbol_offset":122,"python":{"file":"/no/such/seed.py","line":22,"function":"main","offset":190,"instruction":"STORE_SUBSCR"},"stack":[{"pc":7,"module":"/usr/lib/libpython3.11.so.1.0","symbol":"memory_ass_sub","symbol_offset":60},{"pc":9,"module":"/usr/lib/libpython3.11.so.1.0","address":4096}],"text":"vmovdqu [rdi], xmm0"}"#,
    r#"{"t":"site","id":1,"pc":4198526,"module":"/lib/libc.so.6","build_id":"93ac61ec","symbol":"memcpy","symbol_offset":126,"python":{"file":"/no/such/seed.py","line":22,"function":"main","offset":190,"instruction":"STORE_SUBSCR"},"stack":[{"pc":7,"module":"/usr/lib/libpython3.11.so.1.0","symbol":"memory_ass_sub","symbol_offset":60},{"pc":9,"module":"/usr/lib/libpython3.11.so.1.0","address":4096}],"text":"vmovdqu [rdi+rdx-0x10], xmm1"}"#,
];

fn access(seq: u64, direction: &str, offset: u64, size: u32, by: u32) -> String {
    let data = "00".repeat(size as usize - 1);
    format!(
        r#"{{"t":"access","seq":{seq},"dir":"{direction}","window":0,"offset":{offset},"size":{size},"data":"0x{data}01","site":{by}}}"#
    )
}

fn trace(accesses: &[String]) -> String {
    let head = [HEADER, WINDOW, SITES[0], SITES[1]].map(str::to_owned);
    head.iter().chain(accesses).fold(String::new(), |text, line| text + line + "\n")
}

fn explain(trace: &str, options: &[&str]) -> (i32, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trace.jsonl");
    std::fs::write(&path, trace).unwrap();
    let mut command = Command::cargo_bin("busprobe").unwrap();
    let output = command.arg("explain").arg(path).args(options).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_doubled_word_is_explained_from_the_line_to_the_call_that_is_exact() {
    let doubled = trace(&[access(0, "W", 8, 4, 0), access(1, "W", 8, 4, 1)]);
    let (status, out, error) = explain(&doubled, &[]);
    assert_eq!((status, error.as_str()), (1, ""));
    assert_eq!(
        out,
        r#"operation 1 of 1, in window.bin

python     /no/such/seed.py:22 in main
               -->   190 STORE_SUBSCR
through    memoryview: memoryview moves an element by itself as one access, and hands a slice to
           libc's memcpy or memmove
called by  libpython3.11.so.1.0 memory_ass_sub+0x3c
           libpython3.11.so.1.0+0x1000
routine    libc.so.6 memcpy   build id 93ac61ec
accesses   2 stores
              1  W addr 0x8 data 0x1 size 4   +0x7a  vmovdqu [rdi], xmm0
              2  W addr 0x8 data 0x1 size 4   +0x7e  vmovdqu [rdi+rdx-0x10], xmm1
beats      2 on axi4-lite-32
              1  W addr 0x8 data 0x1 size 4
              2  W addr 0x8 data 0x1 size 4
verdict    2 writes for 1 word: the word written twice
why        - stores overlap: store 1 and store 2 both cover 0x8 to 0xb, as in a copy that counts
             one from the start of the block and one from its end, which for this length is the
             same place; 4 bytes come again in all
           - not write combining: these are the instructions' own accesses, and write combining can
             only make beats fewer
exactly    busprobe.view(mm, "I")[2] = value
"#
    );
}

#[test]
fn an_exact_operation_has_nothing_to_explain_away() {
    let (status, out, _) = explain(&trace(&[access(0, "W", 8, 4, 0)]), &[]);
    assert_eq!(status, 0);
    assert!(out.contains("verdict    1 write for 1 word: exact\n"), "{out}");
    assert!(!out.contains("why") && !out.contains("exactly"), "{out}");
}

#[test]
fn the_line_of_the_program_is_shown_when_its_file_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("seed.py");
    std::fs::write(&script, "pass\n".repeat(21) + "    mv32[2:3] = data\n").unwrap();
    let text =
        trace(&[access(0, "W", 8, 4, 0)]).replace("/no/such/seed.py", script.to_str().unwrap());
    let (_, out, _) = explain(&text, &[]);
    assert!(out.contains("seed.py:22 in main\n               mv32[2:3] = data\n"), "{out}");
}

#[test]
fn the_bytecode_of_the_line_is_shown_when_the_file_is_what_ran() {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("seed.py");
    std::fs::write(&script, "a = b = [0]\na[0] = 7\n").unwrap();
    let print = "import dis, sys; code = compile(open(sys.argv[1]).read(), '', 'exec'); \
                 print([i.offset for i in dis.get_instructions(code) if i.opname == 'STORE_SUBSCR'][0])";
    let python = std::process::Command::new("python3").args(["-c", print]).arg(&script).output();
    let offset = String::from_utf8(python.unwrap().stdout).unwrap();
    let site = |line: u32| {
        let text = trace(&[access(0, "W", 8, 4, 0)]);
        let text = text.replace("/no/such/seed.py", script.to_str().unwrap());
        let text = text.replace(
            r#""line":22,"function":"main""#,
            &format!(r#""line":{line},"function":"<module>""#),
        );
        text.replace(r#""offset":190"#, &format!(r#""offset":{}"#, offset.trim()))
    };
    let (_, out, _) = explain(&site(2), &[]);
    assert!(out.contains(" LOAD_CONST           7\n"), "{out}");
    assert!(out.contains(&format!("--> {:>5} STORE_SUBSCR\n", offset.trim())), "{out}");
    assert!(!out.contains("BUILD_LIST"), "{out}");
    // The line is another one now: the file was changed since.
    let (_, out, _) = explain(&site(1), &[]);
    assert!(!out.contains("LOAD_CONST") && out.contains("STORE_SUBSCR\n"), "{out}");
}

#[test]
fn a_long_operation_is_shown_by_its_ends_unless_all_is_asked_for() {
    let words: Vec<String> = (0..100).map(|n| access(n, "W", 4 * n, 4, 0)).collect();
    let (_, out, _) = explain(&trace(&words), &[]);
    assert!(out.contains("... 84 more, shown with --all"), "{out}");
    let (_, all, _) = explain(&trace(&words), &["--all"]);
    assert!(all.contains("\n             50  W addr 0xc4"), "{all}");
}

#[test]
fn an_operation_that_is_not_there_is_refused_with_how_many_there_are() {
    let (status, out, error) = explain(&trace(&[access(0, "W", 8, 4, 0)]), &["--op", "2"]);
    assert_eq!((status, out.as_str()), (2, ""));
    assert!(error.contains("there is no operation 2; it has 1, counted from 1"), "{error}");
}

#[test]
fn a_trace_without_accesses_leaves_nothing_to_explain() {
    let (status, _, error) = explain(&trace(&[]), &[]);
    assert_eq!(status, 2);
    assert!(error.contains("no access in it, so there is nothing to explain"), "{error}");
}
