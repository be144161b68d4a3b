//! What continues a trace, what does not, and what is passed on.

use proptest::prelude::*;

use super::*;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn value(version: &str, flags: &str) -> String {
    format!("{version}-{TRACE}-{SPAN}-{flags}")
}

#[test]
fn a_sound_traceparent_names_trace_span_and_flags() {
    for (value, sampled, flags) in [
        (value("00", "01"), true, 1),
        (value("00", "00"), false, 0),
        (value("00", "03"), true, 3),
        (value("00", "ff"), true, 0xff),
        (value("00", "fe"), false, 0xfe),
        (format!(" {}\t", value("00", "01")), true, 1),
        (value("01", "01"), true, 1),
        (value("cc", "01"), true, 1),
        (format!("{}-", value("01", "01")), true, 1),
        (
            format!("{}-what-the-future-brings", value("fe", "01")),
            true,
            1,
        ),
    ] {
        let parsed = TraceParent::parse(value.as_bytes()).unwrap();
        assert_eq!(parsed.trace.as_str(), TRACE, "{value}");
        assert_eq!(parsed.span.as_str(), SPAN, "{value}");
        assert_eq!(
            (parsed.is_sampled(), parsed.flags()),
            (sampled, flags),
            "{value}"
        );
    }
}

#[test]
fn what_is_malformed_names_nothing() {
    let sound = value("00", "01");
    let upper = TRACE.to_ascii_uppercase();
    for value in [
        String::new(),
        "00".to_owned(),
        sound[..54].to_owned(),
        format!("{sound}-"),
        format!("{sound}0"),
        format!("{sound}-00"),
        format!("{}.x", value("01", "01")),
        format!("{}0", value("01", "01")),
        value("ff", "01"),
        value("0g", "01"),
        value("00", "0x"),
        value("00", "0 "),
        value("00", "0A"),
        value("0", "01"),
        format!("00-{upper}-{SPAN}-01"),
        format!("00-{TRACE}-{}-01", SPAN.to_ascii_uppercase()),
        format!("00-{}-{SPAN}-01", "0".repeat(32)),
        format!("00-{TRACE}-{}-01", "0".repeat(16)),
        format!("00-{TRACE}0-{}-01", &SPAN[1..]),
        format!("00_{TRACE}-{SPAN}-01"),
        format!("00-{TRACE}_{SPAN}-01"),
        format!("00-{TRACE}-{SPAN}_01"),
        format!("00-{}é-{SPAN}-01", &TRACE[2..]),
        format!("{sound},{sound}"),
    ] {
        assert_eq!(TraceParent::parse(value.as_bytes()), None, "{value:?}");
    }
}

#[test]
fn a_request_that_names_two_traces_goes_on_with_none() {
    let sound = value("00", "01");
    let of = |values: &[&str]| TraceParent::of(values.iter().map(|value| value.as_bytes()));
    assert!(of(&[&sound]).is_some());
    let sound = sound.as_str();
    for values in [&[][..], &[sound, sound], &[sound, ""], &["", sound]] {
        assert_eq!(of(values), None, "{values:?}");
    }
}

#[test]
fn a_child_says_our_span_and_our_decision_and_no_flag_that_nobody_knows() {
    let ours = SpanId::new(0x1122_3344_5566_7788);
    for (flags, is_sampled, expected) in [
        ("01", true, "01"),
        ("01", false, "00"),
        ("00", true, "01"),
        ("fc", false, "00"),
        ("ff", true, "03"),
        ("02", false, "02"),
    ] {
        let parent = TraceParent::parse(value("00", flags).as_bytes()).unwrap();
        let child = parent.child(ours, is_sampled).to_bytes();
        let expected = format!("00-{TRACE}-1122334455667788-{expected}");
        assert_eq!(str::from_utf8(&child).unwrap(), expected);
    }
}

#[test]
fn identifiers_are_never_all_zero_and_are_what_their_digits_say() {
    assert_eq!(TraceId::new(0).as_str(), format!("{:032x}", 1));
    assert_eq!(SpanId::new(0).as_str(), format!("{:016x}", 1));
    let (trace, span) = (u128::MAX / 3, u64::MAX / 5);
    assert_eq!(TraceId::new(trace).to_bytes(), trace.to_be_bytes());
    assert_eq!(SpanId::new(span).to_bytes(), span.to_be_bytes());
    assert_eq!(TraceId::new(trace).to_string(), format!("{trace:032x}"));
}

#[test]
fn a_state_is_passed_on_whole_or_not_at_all() {
    let many = |count: usize| vec!["a=1"; count].join(",");
    let word = |length: usize| "a".repeat(length);
    for (lines, expected) in [
        (vec![], true),
        (vec![String::new()], true),
        (vec!["congo=t61rcWkgMzE".into()], true),
        (vec!["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE".into()], true),
        (vec!["a=1".into(), "b=2".into()], true),
        (vec!["a=1 ,\t, b=2,".into()], true),
        (vec!["fw529a3039@dt=FfAAI;x y~".into()], true),
        (vec!["0a_-*/=1".into()], true),
        (vec![many(32)], true),
        (vec![many(33)], false),
        (vec![many(16), many(17)], false),
        (vec![format!("{}=1", word(256))], true),
        (vec![format!("{}=1", word(257))], false),
        (vec![format!("a={}", word(256))], true),
        (vec![format!("a={}", word(257))], false),
        (
            vec![format!("a={},b={},c=", word(250), word(250)) + &word(4)],
            true,
        ),
        (
            vec![format!("a={},b={},c=", word(250), word(250)) + &word(5)],
            false,
        ),
        (vec![" ".repeat(513)], false),
        (vec!["a".into()], false),
        (vec!["=1".into()], false),
        (vec!["a=".into()], false),
        (vec!["A=1".into()], false),
        (vec!["@a=1".into()], false),
        (vec!["a b=1".into()], false),
        (vec!["a=1=2".into()], false),
        (vec!["a=é".into()], false),
        (vec!["a=\t1".into(), "a=1\0".into()], false),
    ] {
        let found = is_state(lines.iter().map(String::as_bytes));
        assert_eq!(found, expected, "{lines:?}");
    }
}

proptest! {
    #[test]
    fn what_we_write_is_read_again(trace in 1_u128.., span in 1_u64.., is_sampled in any::<bool>()) {
        let ours = TraceParent::new(TraceId::new(trace), SpanId::new(span), is_sampled);
        prop_assert_eq!(TraceParent::parse(&ours.to_bytes()), Some(ours));
        let text = format!("00-{trace:032x}-{span:016x}-{:02x}", u8::from(is_sampled));
        prop_assert_eq!(&ours.to_bytes()[..], text.as_bytes());
    }

    #[test]
    fn whatever_comes_is_read_or_refused(value in "[0-9a-fA-F-]{50,60}|.{0,80}", state in ".{0,600}") {
        if let Some(parsed) = TraceParent::parse(value.as_bytes()) {
            let again = TraceParent::parse(&parsed.to_bytes());
            prop_assert_eq!(again, Some(parsed));
        }
        let whole = is_state(std::iter::once(state.as_bytes()));
        prop_assert!(!whole || state.len() <= 512);
    }
}
