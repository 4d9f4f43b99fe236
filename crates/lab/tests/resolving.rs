//! Which routine a CPU gets, by the libc's own account.

mod libcs;

use busprobe_lab::{Call, Chosen, Cpu, Ending, Function, Lab, LabError};
use busprobe_trace::{Loss, LossKind};

/// Debian's libc with its names.
fn named_lab() -> Option<Lab> {
    let cortex_a57 = Cpu::named("cortex-a57").unwrap();
    let mut lab = Lab::open(&libcs::path("libc6")?, cortex_a57).unwrap();
    lab.add_symbols(&libcs::path("libc6-dbg")?).unwrap();
    Some(lab)
}

#[test]
fn the_resolver_picks_by_cpu() {
    let picks = [
        ("cortex-a35", Function::Memcpy, "__memcpy_generic"),
        ("cortex-a53", Function::Memcpy, "__memcpy_generic"),
        ("cortex-a57", Function::Memcpy, "__memcpy_generic"),
        ("cortex-a72", Function::Memcpy, "__memcpy_generic"),
        ("cortex-a76", Function::Memmove, "__memmove_generic"),
        ("thunderx", Function::Memcpy, "__memcpy_thunderx"),
        ("thunderx2", Function::Memcpy, "__memcpy_thunderx2"),
        ("a64fx", Function::Memcpy, "__memcpy_a64fx"),
        ("neoverse-v1", Function::Memcpy, "__memcpy_sve"),
        ("cortex-a57", Function::Memset, "__memset_zva64"),
        ("kunpeng-920", Function::Memset, "__memset_kunpeng"),
        ("a64fx", Function::Memset, "__memset_a64fx"),
    ];
    let Some(mut lab) = named_lab() else { return };
    for (cpu, function, expected) in picks {
        let candidates = lab.candidates(function).unwrap();
        let mut got = candidates.iter().filter(|candidate| candidate.cpus.contains(&cpu));
        let routine = &got.next().unwrap().routine;
        assert_eq!(routine.symbol.as_deref(), Some(expected), "{function} on {cpu}");
        assert_eq!(routine.chosen, Chosen::Resolved);
    }
}

#[test]
fn a_routine_without_a_name_is_an_address() {
    let Some(libc) = libcs::path("libc6") else { return };
    let mut lab = Lab::open(&libc, Cpu::default()).unwrap();
    let routine = lab.routine(Function::Memcpy).unwrap();
    if routine.symbol.is_none() {
        assert_eq!(routine.to_string(), format!("memcpy at {:#x}", routine.address));
    }
    let run = lab.run(&routine, &Call::of(16)).unwrap();
    let site = &run.trace.sites[0];
    assert_eq!(site.build_id.as_deref(), lab.build_id());
    assert_eq!(site.text.as_deref(), Some("str q0, [x0]"));
    assert!(site.address.unwrap() > routine.address);
}

#[test]
fn each_access_names_its_function_and_instruction() {
    let Some(mut lab) = named_lab() else { return };
    let routine = lab.routine(Function::Memcpy).unwrap();
    let run = lab.run(&routine, &Call::of(64)).unwrap();
    assert_eq!(run.trace.accesses().count(), 2);
    for access in run.trace.accesses() {
        let site = run.trace.site(access.site.unwrap()).unwrap();
        assert_eq!(site.symbol.as_deref(), Some("__memcpy_generic"));
        assert_eq!(site.address.unwrap(), routine.address + site.symbol_offset.unwrap());
        assert!(site.text.as_ref().unwrap().starts_with("stp q"));
        assert_eq!(access.size, 32, "a pair is one access");
    }
    assert_eq!(run.trace.header.cpu.as_deref(), Some("cortex-a57"));
}

#[test]
fn a_variant_is_taken_by_name_or_address() {
    let Some(mut lab) = named_lab() else { return };
    let named = lab.variant(Function::Memcpy, "__memcpy_thunderx").unwrap();
    assert_eq!(named.chosen, Chosen::Named);
    let placed = lab.variant(Function::Memcpy, &format!("{:#x}", named.address)).unwrap();
    assert_eq!(placed, named);
    let run = lab.run(&named, &Call::of(16)).unwrap();
    assert_eq!(run.trace.accesses().map(|access| u64::from(access.size)).sum::<u64>(), 16);

    let Err(error) = lab.variant(Function::Memcpy, "__memcpy_erms") else {
        panic!("not on AArch64")
    };
    assert!(error.to_string().contains("__memcpy_generic"), "{error}");
    let outside = lab.variant(Function::Memcpy, "0x7fffff000000");
    assert!(matches!(outside, Err(LabError::NotCode { .. })));
}

#[test]
fn what_the_emulator_lacks_is_said() {
    let cases = [
        // Beyond 128 bytes this one does without SVE, and runs.
        ("__memcpy_sve", Function::Memcpy, 16, "SVE"),
        ("__memcpy_a64fx", Function::Memcpy, 1024, "SVE"),
        ("__memcpy_mops", Function::Memcpy, 1024, "MOPS"),
        ("__memset_mops", Function::Memset, 1024, "MOPS"),
        ("__memset_zva64", Function::Memset, 1024, "DC ZVA"),
        ("__memset_generic", Function::Memset, 1024, "DC ZVA"),
    ];
    let Some(mut lab) = named_lab() else { return };
    for (variant, function, length, expected) in cases {
        let routine = lab.variant(function, variant).unwrap();
        let run = lab.run(&routine, &Call::of(length)).unwrap();
        let Ending::NotExecuted { site, what } = &run.ending else {
            panic!("{variant} ended as {}", run.ending);
        };
        assert_eq!(what, expected, "{variant}");
        assert_eq!(site.symbol.as_deref(), Some(variant));
        let loss = run.trace.losses().last();
        assert!(matches!(loss, Some(Loss { kind: LossKind::Missed, .. })), "{loss:?}");
        assert!(run.ending.to_string().starts_with("resolved, not executed: "), "{}", run.ending);
    }
}

#[test]
fn memset_fills_and_uses_no_source() {
    let Some(mut lab) = named_lab() else { return };
    let routine = lab.routine(Function::Memset).unwrap();
    let run = lab.run(&routine, &Call { fill: 0x5a, ..Call::of(192) }).unwrap();
    assert_eq!(run.ending, Ending::Returned);
    let stored = |data: busprobe_trace::Data| data.bytes().iter().all(|byte| *byte == 0x5a);
    assert!(run.trace.accesses().all(|access| access.data.is_some_and(stored)));
}
