//! `busprobe check` says whether a trace is what was meant, and its exit status says it too.

use std::path::PathBuf;

use assert_cmd::Command;

const HEADER: &str =
    r#"{"t":"trace","version":1,"level":"instruction","capture":"native","machine":"x86_64"}"#;

fn access(seq: u64, offset: u64, size: u32) -> String {
    format!(r#"{{"t":"access","seq":{seq},"dir":"W","window":0,"offset":{offset},"size":{size}}}"#)
}

struct Sample {
    directory: tempfile::TempDir,
}

impl Sample {
    fn new() -> Self {
        Sample { directory: tempfile::tempdir().unwrap() }
    }

    fn trace(&self, text: &str) -> PathBuf {
        let path = self.directory.path().join("trace.jsonl");
        std::fs::write(&path, text).unwrap();
        path
    }
}

fn check(text: &str, options: &[&str]) -> (i32, String, String) {
    let sample = Sample::new();
    let path = sample.trace(text);
    let output = Command::cargo_bin("busprobe")
        .unwrap()
        .arg("check")
        .arg(path)
        .args(options)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn an_exact_trace_ends_with_0() {
    let trace = [HEADER, &access(0, 0, 4), &access(1, 4, 4)].join("\n") + "\n";
    let (status, out, error) = check(&trace, &["--intent", "W 0x0 2x32"]);
    assert_eq!((status, out.as_str(), error.as_str()), (0, "2 writes for 2 words: exact\n", ""));
}

#[test]
fn a_trace_that_is_not_exact_ends_with_1() {
    let trace = [HEADER, &access(0, 0, 16), &access(1, 0, 16)].join("\n") + "\n";
    let (status, out, _) = check(&trace, &[]);
    assert_eq!((status, out.as_str()), (1, "8 writes for 4 words: every word written twice\n"));
}

#[test]
fn what_was_not_seen_counts_for_all_that_came_before() {
    let said = "1 write for 1 word: nothing wrong in what was seen, but not seen: 3 lost\n";
    let loss = r#"{"t":"loss","seq":1,"kind":"missed","detail":"3 lost"}"#;
    let trace = [HEADER, &access(0, 0, 4), loss].join("\n") + "\n";
    let (status, out, _) = check(&trace, &[]);
    assert_eq!((status, out.as_str()), (1, said));
    let mut command = Command::cargo_bin("busprobe").unwrap();
    let piped = command.args(["check", "-"]).write_stdin(trace).output().unwrap();
    assert_eq!(String::from_utf8(piped.stdout).unwrap(), said);

    let cut = [HEADER, &access(0, 0, 4), "{\"t\":\"acc"].join("\n");
    let (_, out, _) = check(&cut, &[]);
    assert!(out.contains("but not seen: the trace was cut off in line 3"), "{out}");
}

#[test]
fn a_trace_may_have_more_accesses_than_fit_into_memory() {
    let sample = Sample::new();
    let repeats = (0..20).map(|index| {
        let seq = index * 65_536;
        format!(
            r#"{{"t":"repeat","seq":{seq},"dir":"W","window":0,"offset":0,"size":4,"count":65536,"step":4}}"#
        )
    });
    let lines: Vec<String> = std::iter::once(HEADER.to_owned()).chain(repeats).collect();
    let path = sample.trace(&(lines.join("\n") + "\n"));
    // In KiB; each of the accesses takes more than 100 bytes.
    let limited = "ulimit -v 131072; exec \"$0\" check \"$1\"";
    let busprobe = assert_cmd::cargo::cargo_bin("busprobe");
    let output = Command::new("sh").args(["-c", limited]).arg(busprobe).arg(path).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    assert_eq!(text(output.stderr), "");
    let said = "1310720 writes for 65536 words: every word written 20 times\n";
    assert_eq!(text(output.stdout), said);
}

#[test]
fn json_names_the_classes() {
    let trace = [HEADER, &access(0, 0, 16), &access(1, 0, 16)].join("\n") + "\n";
    let (_, out, _) = check(&trace, &["--json"]);
    let rows: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(rows[0]["verdict"], serde_json::json!(["doubled"]));
    assert_eq!(rows[0]["intent"], "W 0x0 4x32");
    assert_eq!(rows[0]["beats"], 8);
}

#[test]
fn the_bus_can_be_chosen() {
    let trace = [HEADER, &access(0, 0, 8)].join("\n") + "\n";
    let intent = ["--intent", "W 0 1x64"];
    assert_eq!(check(&trace, &intent).0, 1);
    assert_eq!(check(&trace, &[&intent[..], &["--bus", "axi4-lite-64"]].concat()).0, 0);
    let (status, _, error) = check(&trace, &["--bus", "isa"]);
    assert_eq!(status, 2);
    assert!(error.contains("known are device, axi4-lite-32"), "{error}");
}

#[test]
fn a_cut_off_trace_is_judged_but_never_exact() {
    let whole = [HEADER, &access(0, 0, 4), &access(1, 4, 4)].join("\n");
    let (status, out, _) = check(&whole[..whole.len() - 5], &[]);
    assert_eq!(status, 1);
    assert!(out.contains("cut off in line 3; all before it is here"), "{out}");
}

#[test]
fn a_damaged_line_is_named_and_what_came_before_is_judged() {
    let trace = [HEADER, &access(0, 0, 4), "rubbish", &access(1, 4, 4)].join("\n") + "\n";
    let (status, out, error) = check(&trace, &[]);
    assert_eq!((status, out.as_str()), (2, "1 write for 1 word: exact\n"));
    assert!(
        error.contains("trace.jsonl: line 3: ") && error.contains("judged is what came before"),
        "{error}"
    );
}

#[test]
fn trouble_is_one_line_and_ends_with_2() {
    for (text, expected) in [
        ("", "not a busprobe trace"),
        ("qemu_ram_write: addr 0x0, data 0x1, size 0x4\n", "not a busprobe trace"),
        (&format!("{HEADER}\n"), "no access in it"),
    ] {
        let (status, out, error) = check(text, &[]);
        assert_eq!((status, out.as_str()), (2, ""));
        assert!(error.contains(expected) && error.lines().count() == 1, "{error}");
    }
    let missing = Command::cargo_bin("busprobe").unwrap().args(["check", "no-such-file"]).output();
    let error = String::from_utf8(missing.unwrap().stderr).unwrap();
    assert_eq!(error, "busprobe: no-such-file: No such file or directory (os error 2)\n");
}

const PYTHON: &str = r#"{"t":"site","id":0,"pc":1,"symbol":"pack","python":{"file":"/home/me/a b.py","line":12,"function":"<module>","offset":4,"instruction":"STORE_SUBSCR"}}
{"t":"site","id":1,"pc":2,"module":"/lib/libc.so.6","symbol":"memcpy","source":{"file":"copy.c","line":7}}"#;

fn from(site: u32, seq: u64, offset: u64) -> String {
    let at = format!(r#""dir":"W","window":0,"offset":{offset},"size":4,"site":{site}}}"#);
    format!(r#"{{"t":"access","seq":{seq},{at}"#)
}

/// Two operations: a line of Python that is exact, and a copy that doubles a word.
fn two_operations() -> String {
    let copy = PYTHON.lines().nth(1).unwrap().replace("\"id\":1", "\"id\":2");
    let accesses = [from(0, 0, 0), from(0, 1, 4), from(1, 2, 8), from(2, 3, 8)];
    [HEADER, PYTHON, &copy, &accesses.join("\n")].join("\n") + "\n"
}

#[test]
fn each_operation_is_judged_and_named() {
    let (status, out, _) = check(&two_operations(), &[]);
    assert_eq!(status, 1);
    assert_eq!(
        out,
        "a b.py:12: 2 writes for 2 words: exact\n\
         memcpy: 2 writes for 1 word: the word written twice\n"
    );
    let (_, out, _) = check(&two_operations(), &["--by", "window"]);
    assert_eq!(out, "4 writes for 3 words: 1 word written twice\n");
    let (_, out, _) = check(&two_operations(), &["--intent", "W 0 3x32"]);
    assert_eq!(out, "4 writes for 3 words: 1 word written twice\n", "one intent is for all of it");
    let (status, _, error) = check(&two_operations(), &["--by", "loop"]);
    assert_eq!(status, 2);
    assert!(error.contains("known are mark, line, call and window"), "{error}");
}

#[test]
fn json_says_what_each_operation_was() {
    let (_, out, _) = check(&two_operations(), &["--json"]);
    let rows: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 2);
    assert_eq!(rows[0]["operation"], "a b.py:12");
    assert_eq!(rows[0]["python"]["instruction"], "STORE_SUBSCR");
    assert_eq!(rows[1]["index"], 2);
    assert_eq!(rows[1]["function"], "memcpy");
    assert_eq!((&rows[1]["first_seq"], &rows[1]["last_seq"]), (&2.into(), &3.into()));
}

#[test]
fn a_picture_shows_what_came_twice() {
    let (_, out, _) = check(&two_operations(), &["--picture"]);
    assert!(
        out.contains("twice\n  0x8 |ox\n      +--\n       o 1 first time, x 1 again\n"),
        "{out}"
    );
}

fn check_against(intents: &str, options: &[&str]) -> (i32, String, String) {
    let sample = Sample::new();
    let file = sample.directory.path().join("intents.json");
    std::fs::write(&file, intents).unwrap();
    let options = [&["--intent", file.to_str().unwrap()], options].concat();
    check(&two_operations(), &options)
}

#[test]
fn a_file_of_intents_says_which_operation_each_is_for() {
    let (status, out, error) = check_against(
        r#"[{"operation": "a b.py:12", "intent": "W 0 2x32"},
            {"operation": 2, "window": 0, "intent": "W 8 2x32 fixed"}]"#,
        &[],
    );
    assert_eq!((status, error.as_str()), (0, ""));
    assert!(out.ends_with("memcpy: 2 writes for 2 words to one address: exact\n"), "{out}");
    let (status, out, _) = check_against(
        r#"[{"operation": "a b.py:12", "intent": "W 0 1x64", "bus": "axi4-lite-64"}]"#,
        &[],
    );
    assert_eq!(status, 1);
    assert!(out.starts_with("a b.py:12: 2 writes for 1 64-bit word: "), "{out}");
    assert!(out.ends_with("the word written twice\n"), "what is not listed is inferred: {out}");
}

#[test]
fn an_intent_that_no_operation_is_for_is_not_exact() {
    let (status, out, _) = check_against(
        r#"[{"intent": "W 0 2x32", "operation": 1}, {"intent": "W 8 2x32 fixed", "operation": 2},
            {"intent": "R 0 1x32", "mark": "setup"}]"#,
        &[],
    );
    assert_eq!(status, 1);
    let last = out.lines().last().unwrap();
    assert_eq!(last, "mark setup: no such operation, so nothing was judged against R 0x0 1x32");
}

#[test]
fn a_file_of_intents_that_is_none_says_where() {
    for (intents, expected) in [
        ("", "EOF while parsing"),
        (r#"[{"intent": "W"}]"#, "is no intent"),
        (r#"[{"operation": 1}]"#, "missing field `intent`"),
        (r#"[{"intent": "W 0 1x32", "op": 1}]"#, "unknown field `op`"),
        (r#"[{"intent": "W 0 1x32", "bus": "isa"}]"#, "is no bus"),
    ] {
        let (status, _, error) = check_against(intents, &[]);
        assert_eq!(status, 2, "{intents}");
        assert!(error.contains(expected), "{intents}: {error}");
    }
    let (status, _, error) = check(&two_operations(), &["--intent", "nothing.json"]);
    assert!(status == 2 && error.contains("No such file"), "{error}");
    let (status, _, error) = check(&two_operations(), &["--intent", "W 0"]);
    assert!(status == 2 && error.contains("or name a file of intents"), "{error}");
}

#[test]
fn many_operations_are_a_table_with_the_worst_first() {
    let mut lines = vec![HEADER.to_owned(), PYTHON.to_owned()];
    for turn in 0..40 {
        lines.push(format!(r#"{{"t":"mark","seq":0,"text":"turn {turn}"}}"#));
        let sites: &[u32] = if turn % 4 == 0 { &[0, 1] } else { &[0] };
        lines.extend(sites.iter().map(|&site| from(site, 0, 16)));
    }
    let (status, out, _) = check(&(lines.join("\n") + "\n"), &[]);
    assert_eq!(status, 1);
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], "40 verdicts: 10 not exact, 30 exact");
    let place = |text: &str| lines.iter().position(|line| line.contains(text)).unwrap();
    assert!(place("turn 36 ") < place("turn 1 "), "{out}");
    assert_eq!(*lines.last().unwrap(), "and 20 more");
}

#[test]
fn the_same_verdicts_on_the_same_line_are_one_row() {
    let mut lines = vec![HEADER.to_owned(), PYTHON.to_owned()];
    lines.extend((0..50).map(|seq| from(1 - (seq % 2) as u32, seq, 0)));
    let (status, out, _) = check(&(lines.join("\n") + "\n"), &[]);
    assert_eq!(status, 0);
    assert!(out.starts_with("50 verdicts, all exact\n"), "{out}");
    let row = |name: &str| out.lines().find(|line| line.contains(name)).unwrap();
    assert!(row("a b.py:12").trim_start().starts_with("25 "), "{out}");
    assert!(row("memcpy").trim_start().starts_with("25 "), "{out}");
}

/// Runs check with an output to a file, and returns that file.
fn written(option: &str, trace: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let (status, _, error) = check(trace, &[option, path.to_str().unwrap()]);
    assert_eq!((status, error.as_str()), (1, ""));
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn junit_has_a_case_for_each_verdict() {
    let marked = two_operations().replace(
        &from(1, 2, 8),
        &format!("{{\"t\":\"mark\",\"seq\":2,\"text\":\"<&\\\"\\u0001>\"}}\n{}", from(1, 2, 8)),
    );
    let xml = written("--junit", &marked);
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
                <testsuites name=\"busprobe check\" tests=\"2\" failures=\"1\" errors=\"0\">\n  <testsuite name=\"";
    assert!(xml.starts_with(head), "{xml}");
    let exact = "<testcase classname=\"?\" name=\"1 a b.py:12: W 0x0 2x32\" file=\"/home/me/a b.py\" line=\"12\"/>";
    assert!(xml.contains(exact), "{xml}");
    assert!(
        xml.contains(
            "name=\"2 &lt;&amp;&quot;\u{fffd}&gt;: W 0x8 1x32\" file=\"copy.c\" line=\"7\">"
        ),
        "{xml}"
    );
    let failure =
        "<failure type=\"doubled\" message=\"2 writes for 1 word: the word written twice\"/>";
    assert!(xml.contains(failure), "{xml}");
    assert!(xml.ends_with("  </testsuite>\n</testsuites>\n"), "{xml}");
}

/// What the SARIF 2.1.0 schema asks of the parts that are written: the required properties, and
/// that no others stand there than it knows.
fn sarif_object(value: &serde_json::Value, required: &[&str], optional: &[&str]) {
    let object = value.as_object().unwrap_or_else(|| panic!("{value} is no object"));
    for name in required {
        assert!(object.contains_key(*name), "{value} has no {name}");
    }
    for name in object.keys() {
        assert!(required.contains(&&**name) || optional.contains(&&**name), "{name} in {value}");
    }
}

#[test]
fn sarif_has_what_its_schema_asks_for_and_a_result_for_what_is_not_exact() {
    let log: serde_json::Value =
        serde_json::from_str(&written("--sarif", &two_operations())).unwrap();
    sarif_object(&log, &["version", "runs"], &["$schema"]);
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    sarif_object(run, &["tool"], &["results"]);
    sarif_object(&run["tool"], &["driver"], &[]);
    let driver = &run["tool"]["driver"];
    sarif_object(driver, &["name"], &["version", "rules"]);
    for rule in driver["rules"].as_array().unwrap() {
        sarif_object(rule, &["id"], &["shortDescription"]);
        sarif_object(&rule["shortDescription"], &["text"], &[]);
    }
    let results = run["results"].as_array().unwrap();
    let [result] = &results[..] else { panic!("one result: {results:?}") };
    let known = ["ruleId", "ruleIndex", "level", "locations", "properties"];
    sarif_object(result, &["message"], &known);
    assert_eq!(result["ruleId"], "doubled");
    assert_eq!(driver["rules"][result["ruleIndex"].as_u64().unwrap() as usize]["id"], "doubled");
    assert_eq!(result["message"]["text"], "memcpy: 2 writes for 1 word: the word written twice");
    let location = &result["locations"][0];
    sarif_object(location, &[], &["physicalLocation", "logicalLocations"]);
    sarif_object(&location["physicalLocation"], &["artifactLocation", "region"], &[]);
    assert_eq!(location["physicalLocation"]["artifactLocation"]["uri"], "copy.c");
    assert_eq!(location["physicalLocation"]["region"]["startLine"], 7);
}

#[test]
fn a_place_with_blanks_is_a_uri_all_the_same() {
    let log = written(
        "--sarif",
        &[HEADER, PYTHON, &access(0, 0, 4), &from(0, 1, 0), &from(0, 2, 4), &from(0, 3, 0), ""]
            .join("\n"),
    );
    assert!(log.contains(r#""uri":"file:///home/me/a%20b.py""#), "{log}");
}

#[test]
fn an_output_that_cannot_be_written_is_trouble() {
    let (status, out, error) = check(&two_operations(), &["--sarif", "/no/such/place"]);
    assert_eq!((status, out.as_str()), (2, ""));
    assert!(error.contains("/no/such/place: No such file"), "{error}");
}

mod parquet {
    //! What is judged from Parquet as it goes by is what is judged in memory.
    #![cfg(feature = "parquet")]

    use proptest::prelude::*;

    use super::*;

    /// Converts a trace, and returns what check says of both files.
    fn both(text: &str, options: &[&str]) -> [(i32, String); 2] {
        let sample = Sample::new();
        let lines = sample.trace(text);
        let columns = sample.directory.path().join("trace.parquet");
        let convert = [lines.to_str().unwrap(), "-o", columns.to_str().unwrap()];
        let busprobe = || Command::cargo_bin("busprobe").unwrap();
        busprobe().arg("export").args(convert).assert().success();
        [lines, columns].map(|path| {
            let output = busprobe().arg("check").arg(path).args(options).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            (output.status.code().unwrap(), text)
        })
    }

    fn record() -> impl Strategy<Value = String> {
        let access = (0..2_u32, 0..20_u64, 0..4_u32, 0..3_u32, 1..3_u32, any::<bool>()).prop_map(
            |(window, offset, size, site, thread, reads)| {
                let (dir, size) = (if reads { "R" } else { "W" }, 1 << size);
                format!(
                    r#"{{"t":"access","seq":0,"dir":"{dir}","window":{window},"offset":{},"size":{size},"site":{site},"thread":{thread}}}"#,
                    offset * 2
                )
            },
        );
        let seldom = prop_oneof![
            Just(r#"{"t":"mark","seq":0,"text":"here"}"#.to_owned()),
            Just(r#"{"t":"loss","seq":0,"kind":"missed","detail":"3 lost"}"#.to_owned()),
            Just(r#"{"t":"syscall","seq":0,"name":"read","window":1,"offset":0,"length":4,"thread":1}"#.to_owned()),
        ];
        prop_oneof![30 => access, 1 => seldom]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn it_is_judged_as_the_same_trace_in_json_lines(
            records in prop::collection::vec(record(), 1..200),
            by in prop::sample::select(vec![None, Some("mark"), Some("line"), Some("call"), Some("window")]),
            given: bool,
        ) {
            let copy = PYTHON.lines().nth(1).unwrap().replace("\"id\":1", "\"id\":2");
            let trace = [HEADER, PYTHON, &copy, &records.join("\n"), ""].join("\n");
            let mut options = vec!["--json"];
            options.extend(by.iter().flat_map(|by| ["--by", by]));
            options.extend(given.then_some(["--intent", "W 0 8x32"]).iter().flatten());
            let [lines, columns] = both(&trace, &options);
            prop_assert_eq!(lines, columns);
        }
    }
}
