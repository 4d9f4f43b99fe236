//! The AXI4-Lite link in a waveform becomes a trace, whatever the stalls, and a file that does not
//! show one says what it lacks.

use std::fmt::Write as _;

use busprobe_logs::import::waveform::{Options, ReadError, read_vcd};
use busprobe_trace::{
    Capture, Data, Direction, Event, Header, Level, LossKind, Trace, jsonl, text,
};
use proptest::prelude::*;

/// Wires of a link, each with its width, in the order of [`Row`].
const WIRES: [(&str, u32); 18] = [
    ("aresetn", 1),
    ("s_axi_awaddr", 12),
    ("s_axi_awvalid", 1),
    ("s_axi_awready", 1),
    ("s_axi_wdata", 32),
    ("s_axi_wstrb", 4),
    ("s_axi_wvalid", 1),
    ("s_axi_wready", 1),
    ("s_axi_bresp", 2),
    ("s_axi_bvalid", 1),
    ("s_axi_bready", 1),
    ("s_axi_araddr", 12),
    ("s_axi_arvalid", 1),
    ("s_axi_arready", 1),
    ("s_axi_rdata", 32),
    ("s_axi_rresp", 2),
    ("s_axi_rvalid", 1),
    ("s_axi_rready", 1),
];

/// The wires in one clock cycle, in binary or `x`, and `0` where nothing is said.
type Row<'a> = &'a [(&'a str, &'a str)];

const RESET: Row = &[("aresetn", "0")];

/// A waveform with a clock of 10 ns, in which each row is what an edge of the clock finds. The next
/// row is driven at the time of the edge, as simulators do.
fn waveform(rows: &[Row]) -> String {
    let mut vcd = String::from("$timescale 100ps $end\n$scope module top $end\n");
    vcd += "$scope module dut $end\n$var wire 1 c aclk $end\n";
    for (index, (name, width)) in WIRES.iter().enumerate() {
        writeln!(vcd, "$var wire {width} n{index} {name} $end").unwrap();
    }
    vcd += "$upscope $end\n$upscope $end\n$enddefinitions $end\n#0\n0c\n";
    let drive = |vcd: &mut String, row: Row| {
        for (index, (name, _)) in WIRES.iter().enumerate() {
            let rest = if *name == "aresetn" { "1" } else { "0" };
            let value = row.iter().find(|(of, _)| of == name).map_or(rest, |(_, value)| value);
            writeln!(vcd, "b{value} n{index}").unwrap();
        }
    };
    for (cycle, row) in rows.iter().enumerate() {
        if cycle == 0 {
            drive(&mut vcd, row);
        }
        writeln!(vcd, "#{}\n1c", 100 * cycle + 50).unwrap();
        if let Some(next) = rows.get(cycle + 1) {
            drive(&mut vcd, next);
        }
        writeln!(vcd, "#{}\n0c", 100 * cycle + 100).unwrap();
    }
    vcd
}

fn read_with(vcd: &str, options: &Options<'_>) -> Result<Trace, ReadError> {
    let mut trace = Trace::new(Header::new(Level::Instruction, Capture::Lab, ""));
    read_vcd(vcd.as_bytes(), options, &mut trace).map(|_| trace)
}

fn read(vcd: &str) -> Trace {
    read_with(vcd, &Options::default()).unwrap()
}

/// The events as text, one a line.
fn events(trace: &Trace) -> Vec<String> {
    let line = |event: &Event| match event {
        Event::Access(access) => text::Line { access, site: None, with_window: false }.to_string(),
        Event::Loss(loss) => format!("LOSS {}", loss.detail),
        other => format!("{other:?}"),
    };
    trace.events.iter().map(line).collect()
}

const AW: Row = &[("s_axi_awaddr", "100"), ("s_axi_awvalid", "1"), ("s_axi_awready", "1")];
const W: Row = &[
    ("s_axi_wdata", "11011110101011011011111011101111"),
    ("s_axi_wstrb", "1111"),
    ("s_axi_wvalid", "1"),
    ("s_axi_wready", "1"),
];
const B: Row = &[("s_axi_bvalid", "1"), ("s_axi_bready", "1")];
const AR: Row = &[("s_axi_araddr", "1000"), ("s_axi_arvalid", "1"), ("s_axi_arready", "1")];
const R: Row = &[("s_axi_rdata", "101"), ("s_axi_rvalid", "1"), ("s_axi_rready", "1")];

#[test]
fn a_write_and_a_read_are_accesses_of_the_bus() {
    let trace = read(&waveform(&[RESET, AW, W, B, AR, &[], R]));
    assert_eq!(events(&trace), ["W addr 0x4 data 0xdeadbeef size 4", "R addr 0x8 data 0x5 size 4"]);
    assert_eq!((trace.header.level, trace.header.capture), (Level::Bus, Capture::Import));
    assert_eq!(trace.windows[0].name, "top.dut.s_axi");
    assert_eq!((trace.windows[0].base, trace.windows[0].length), (Some(0), 4096));
    let times: Vec<_> = trace.accesses().map(|access| access.time_ns).collect();
    assert_eq!(times, [Some(35), Some(65)], "when the response was taken");
}

#[test]
fn data_may_come_before_its_address() {
    assert_eq!(
        events(&read(&waveform(&[RESET, W, &[], AW, B]))),
        ["W addr 0x4 data 0xdeadbeef size 4"]
    );
}

#[test]
fn a_write_and_a_read_that_end_together_are_in_that_order() {
    let both = [B, R].concat();
    let requests = [AW, W, AR].concat();
    assert_eq!(
        events(&read(&waveform(&[RESET, &requests, &both]))),
        ["W addr 0x4 data 0xdeadbeef size 4", "R addr 0x8 data 0x5 size 4"]
    );
}

#[test]
fn valid_without_ready_is_no_transfer() {
    let stalled: Row = &[("s_axi_awaddr", "1100"), ("s_axi_awvalid", "1")];
    assert_eq!(
        events(&read(&waveform(&[RESET, stalled, stalled, AW, W, B]))),
        ["W addr 0x4 data 0xdeadbeef size 4"]
    );
}

#[test]
fn what_happens_in_reset_does_not_count() {
    let write = [AW, W, RESET].concat();
    assert_eq!(
        events(&read(&waveform(&[&write, AW, W, B]))),
        ["W addr 0x4 data 0xdeadbeef size 4"]
    );
    assert_eq!(
        events(&read(&waveform(&[RESET, AW, W, RESET, AW, W, B]))),
        ["W addr 0x4 data 0xdeadbeef size 4"],
        "a reset forgets the requests under way"
    );
}

#[test]
fn strobes_say_which_bytes_an_access_has() {
    let strobed = |strobes| {
        let w = [&W[..1], &W[2..], &[("s_axi_wstrb", strobes)]].concat();
        events(&read(&waveform(&[RESET, AW, &w, B])))
    };
    assert_eq!(strobed("1100"), ["W addr 0x6 data 0xdead size 2"]);
    assert_eq!(strobed("0010"), ["W addr 0x5 data 0xbe size 1"]);
    assert_eq!(
        strobed("1001"),
        [
            "W addr 0x4 data 0xef size 1",
            "W addr 0x7 data 0xde size 1",
            "LOSS a write to 0x4 with strobes 0b1001 is one transaction on the bus and 2 accesses \
             here",
        ]
    );
    assert_eq!(
        strobed("0"),
        ["LOSS a write to 0x4 with strobes 0b0000 is one transaction on the bus and 0 accesses \
          here"]
    );
}

#[test]
fn an_error_response_is_said() {
    let error = [B, &[("s_axi_bresp", "10")]].concat();
    assert_eq!(
        events(&read(&waveform(&[RESET, AW, W, &error]))),
        [
            "W addr 0x4 data 0xdeadbeef size 4",
            "LOSS the device answered the write to 0x4 with SLVERR: what it did is not known",
        ]
    );
}

#[test]
fn unknown_bits_make_unknown_data_in_the_lanes_that_count() {
    let write = |data, strobes| {
        let w = [&W[2..], &[("s_axi_wdata", data), ("s_axi_wstrb", strobes)]].concat();
        events(&read(&waveform(&[RESET, AW, &w, B])))
    };
    assert_eq!(write("x00000001", "1111"), ["W addr 0x4 data ? size 4"]);
    assert_eq!(write("x00000001", "0001"), ["W addr 0x4 data 0x1 size 1"]);
    let nowhere = [&AW[1..], &[("s_axi_awaddr", "x")]].concat();
    assert_eq!(
        events(&read(&waveform(&[RESET, &nowhere, W, B]))),
        ["LOSS 1 transactions had an unknown address (x or z)"]
    );
}

#[test]
fn what_the_waveform_shows_in_part_is_said() {
    let trace = read(&waveform(&[B, AW, W, AR]));
    assert_eq!(
        events(&trace),
        [
            "LOSS 2 requests had no response by the end",
            "LOSS 1 responses came without a request, as when the recording begins amid traffic",
        ]
    );
    assert!(trace.losses().all(|loss| loss.kind == LossKind::Missed));
}

#[test]
fn a_dump_that_was_switched_off_is_said() {
    let off =
        waveform(&[RESET, AW, W, B]).replace("#300\n", "#300\n$dumpoff\nxc\n$end\n#320\n0c\n");
    assert_eq!(
        events(&read(&off)),
        [
            "LOSS the simulation's dump was switched off at 30 ns",
            "LOSS 1 responses came without a request, \
             as when the recording begins amid traffic"
        ]
    );
}

#[test]
fn a_link_is_known_by_the_names_of_many_tools() {
    for (written, found) in [
        ("s00_axi_awaddr", "top.s00_axi"),
        ("S_AXI_AWADDR", "top.s_axi"),
        ("SLOT_0_AXI_awaddr", "top.slot_0_axi"),
        ("awaddr", "top"),
        ("aw_addr", "top"),
        ("i_axi_awaddr", "top.axi"),
        ("s_axil_awaddr_i", "top.s_axil"),
        ("bus_aw_payload_addr", "top.bus"),
    ] {
        let rest = ["aw_valid", "aw_ready", "w_data", "w_valid", "w_ready", "b_valid", "b_ready"];
        let mut names: Vec<String> = match written {
            "aw_addr" | "bus_aw_payload_addr" => {
                let prefix =
                    written.trim_end_matches("aw_addr").trim_end_matches("aw_payload_addr");
                rest.iter().map(|name| format!("{prefix}{name}")).collect()
            }
            _ => rest
                .iter()
                .map(|name| written.to_lowercase().replace("awaddr", &name.replace('_', "")))
                .collect(),
        };
        names.extend([written, "some_data", "overawaddr"].map(str::to_owned));
        let mut vcd = String::from("$scope module top $end\n$var wire 1 c clk $end\n");
        for (index, name) in names.iter().enumerate() {
            writeln!(vcd, "$var wire 32 n{index} {name} $end").unwrap();
        }
        vcd += "$upscope $end\n$enddefinitions $end\n";
        assert_eq!(read(&vcd).windows[0].name, found, "{written}");
    }
}

#[test]
fn of_several_links_one_has_to_be_named() {
    let one = waveform(&[RESET, AW, W, B]);
    let wires = |text: &str| text.replace("s_axi", "m_axi").replace(" n", " m");
    let (head, tail) = one.split_once("$upscope").unwrap();
    let vars: String = head
        .lines()
        .filter(|line| line.contains("s_axi"))
        .fold(String::new(), |all, line| all + &wires(line) + "\n");
    let two = format!("{head}{vars}$upscope{tail}");
    let error = read_with(&two, &Options::default()).unwrap_err().to_string();
    assert_eq!(error, "2 links: top.dut.s_axi, top.dut.m_axi; say which");
    let named = Options { link: Some("S_AXI"), ..Default::default() };
    assert_eq!(read_with(&two, &named).unwrap().accesses().count(), 1);
    let missing = Options { link: Some("axi"), ..Default::default() };
    assert_eq!(
        read_with(&two, &missing).unwrap_err().to_string(),
        "no link \"axi\"; there is top.dut.s_axi, top.dut.m_axi"
    );
}

#[test]
fn one_link_seen_in_two_scopes_is_one() {
    let one = waveform(&[RESET, AW, W, B]);
    let (head, tail) = one.split_once("$upscope $end\n").unwrap();
    let vars: String = head
        .lines()
        .filter(|line| line.starts_with("$var"))
        .fold(String::new(), |all, line| all + line + "\n");
    let twice =
        format!("{head}$scope module inner $end\n{vars}$upscope $end\n$upscope $end\n{tail}");
    assert_eq!(read(&twice).windows[0].name, "top.dut.s_axi");
}

#[test]
fn a_waveform_that_shows_no_link_says_what_it_lacks() {
    let good = waveform(&[RESET, AW, W, B]);
    let error = |vcd: &str| read_with(vcd, &Options::default()).unwrap_err().to_string();
    assert!(error(&good.replace("valid", "go")).starts_with("no AXI4-Lite link here"));
    assert!(error(&good.replace("aclk", "tick")).starts_with("no clock for top.dut.s_axi"));
    let clock = Options { clock: Some("dut.tick"), ..Default::default() };
    assert_eq!(read_with(&good.replace("aclk", "tick"), &clock).unwrap().accesses().count(), 1);
    let wide = good.replace("wire 32", "wire 128");
    assert!(error(&wide).starts_with("top.dut.s_axi has 128 bits of data"));
    let burst = good.replace(
        "$upscope $end\n$upscope",
        "$var wire 8 l s_axi_awlen $end\n$upscope $end\n$upscope",
    );
    assert!(error(&burst).contains("a full AXI4 link"));
    assert!(error("hello").starts_with("line 1: not as VCD has it"));
}

#[test]
fn what_touches_other_addresses_is_left_out_and_offsets_count_from_the_range() {
    let only = |range| Options { only: Some(range), ..Default::default() };
    let waves = waveform(&[RESET, AW, W, AR, B, R]);
    let trace = read_with(&waves, &only(5..=6)).unwrap();
    assert_eq!(events(&trace), ["W addr 0x0 data 0xdeadbeef size 4"]);
    assert_eq!((trace.windows[0].base, trace.windows[0].length), (Some(4), 4));
    assert_eq!(read_with(&waves, &only(4..=8)).unwrap().accesses().count(), 2);
    assert_eq!(read_with(&waves, &only(12..=15)).unwrap().accesses().count(), 0);
}

#[test]
fn a_file_cut_off_anywhere_gives_what_came_before_the_cut() {
    let whole = waveform(&[RESET, AW, W, B, AR, R]);
    let accesses: Vec<_> = read(&whole).accesses().cloned().collect();
    let data = whole.find("#0").unwrap();
    let mut most = 0;
    for cut in data..whole.len() {
        let trace = read(&whole[..cut]);
        let kept: Vec<_> = trace.accesses().cloned().collect();
        assert_eq!(kept[..], accesses[..kept.len()], "cut at {cut}");
        assert!(kept.len() >= most, "cut at {cut}");
        most = kept.len();
    }
    assert_eq!(most, accesses.len());
}

/// `hdl/` made both files from one run of Icarus Verilog 11: the waveform of the link `link`, with
/// the recorder's control port `ctrl` beside it, and the trace that its driver drained.
#[test]
fn a_simulation_and_the_recorder_in_it_agree() {
    let options = Options { link: Some("link"), ..Default::default() };
    let imported = read_with(include_str!("icarus-11/sim.vcd"), &options).unwrap();
    let recorded = jsonl::read(include_str!("icarus-11/recorded.jsonl").as_bytes()).unwrap();
    assert!(recorded.accesses().count() >= 8);
    assert_eq!(events(&imported), events(&recorded));
}

fn binary(value: u32) -> String {
    format!("{value:b}")
}

proptest! {
    /// Requests and responses in any order that AXI4-Lite allows, with idle cycles between.
    #[test]
    fn the_transactions_are_read_whatever_the_stalls(
        writes in prop::collection::vec((0u32..1024, any::<u32>()), 0..12),
        choices in prop::collection::vec(0..4u8, 80),
    ) {
        let text: Vec<_> = writes.iter().map(|(a, d)| (binary(a * 4), binary(*d))).collect();
        let (mut aw, mut w, mut b) = (0, 0, 0);
        let mut rows: Vec<Vec<(&str, &str)>> = vec![RESET.to_vec()];
        let mut choices = choices.into_iter().chain(std::iter::repeat(3));
        while b < writes.len() {
            let mut row = Vec::new();
            let choice = choices.next().unwrap();
            let ready_before = b < aw && b < w;
            if choice & 1 == 1 && aw < writes.len() {
                row.extend([("s_axi_awaddr", &*text[aw].0)]);
                row.extend_from_slice(&AW[1..]);
                aw += 1;
            }
            if choice & 2 == 2 && w < writes.len() {
                row.extend([("s_axi_wdata", &*text[w].1)]);
                row.extend_from_slice(&W[1..]);
                w += 1;
            }
            if choice != 0 && ready_before {
                row.extend_from_slice(B);
                b += 1;
            }
            rows.push(row);
        }
        let rows: Vec<Row> = rows.iter().map(Vec::as_slice).collect();
        let trace = read(&waveform(&rows));
        let seen: Vec<_> = trace.accesses().map(|a| (a.direction, a.offset, a.data)).collect();
        let expected: Vec<_> = writes
            .iter()
            .map(|(a, d)| {
                (Direction::Write, u64::from(a * 4), Some(Data::new(&d.to_le_bytes())))
            })
            .collect();
        prop_assert_eq!(seen, expected);
        prop_assert_eq!(trace.losses().count(), 0);
    }

    #[test]
    fn no_input_makes_the_reader_panic(
        at in 0usize..2000,
        junk in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut input = waveform(&[RESET, AW, W, B, AR, R]).into_bytes();
        let at = at.min(input.len());
        input.splice(at..at, junk);
        let mut trace = Trace::new(Header::new(Level::Bus, Capture::Import, ""));
        let _ = read_vcd(input.as_slice(), &Options::default(), &mut trace);
    }
}
