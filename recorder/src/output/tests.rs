use proptest::prelude::*;

use super::*;
use crate::legible::MIN_RUN;

/// What is recorded, with the notes in `{}` where they stand.
fn run_with(mut stream: OutputStream, chunks: &[&[u8]]) -> String {
    let mut out = Vec::new();
    for chunk in chunks {
        let mut rest = *chunk;
        while !rest.is_empty() {
            let fed = stream.feed(Duration::ZERO, rest, &mut out);
            if let Some(note) = fed.note {
                out.extend_from_slice(format!("{{{note}}}").as_bytes());
            } else {
                assert_eq!(fed.used, rest.len(), "nothing to say, and not done");
            }
            rest = &rest[fed.used..];
        }
    }
    if let Some(summary) = stream.finish(&mut out) {
        out.extend_from_slice(format!("{{{summary}}}").as_bytes());
    }
    assert_eq!(stream.bytes(), chunks.iter().map(|chunk| chunk.len() as u64).sum::<u64>());
    String::from_utf8(out).unwrap()
}

fn run(keep: u64, chunks: &[&[u8]]) -> String {
    run_with(OutputStream::new("stdout", false, KeptBinary::UpTo(keep)), chunks)
}

fn blake3(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

#[test]
fn a_nul_byte_here_and_there_is_text() {
    assert_eq!(run(0, &[b"\0alpha-42 beta\n"]), r"\u0000alpha-42 beta\r\n");
    // As `find -print0` and /proc/PID/environ write.
    let names = b"/etc/hostname\0/etc/resolv.conf\0".repeat(100);
    assert_eq!(run(0, &[&names]), r"/etc/hostname\u0000/etc/resolv.conf\u0000".repeat(100));
}

#[test]
fn text_after_binary_is_text_again() {
    let text = "a line of text that somebody reads\n".repeat(40);
    let shown = run(0, &[b"before\n", &[0; 5000], text.as_bytes(), b"after\n"]);
    let (before, rest) = shown.split_once('{').unwrap();
    assert_eq!(before, format!(r"before\r\n{}", r"\u0000".repeat(8)));
    let (note, rest) = rest.split_once('}').unwrap();
    assert_eq!(note, "stdout is binary from here: text in it is recorded, and 0 bytes of the rest");
    let rest = rest.strip_prefix('\u{fffd}').unwrap();
    let (first, rest) = rest.split_once('{').unwrap();
    let (note, second) = rest.split_once('}').unwrap();
    let hash = blake3(&[0; 4992]);
    assert_eq!(note, format!("stdout is text again: 4992 bytes not recorded, blake3 {hash}"));
    assert_eq!(first.replace(r"\r\n", "\n").len(), RECOVERY);
    assert_eq!(format!("{first}{second}"), format!(r"{}after\r\n", text.replace('\n', r"\r\n")));
}

#[test]
fn binary_is_kept_up_to_the_bound_and_the_rest_is_hashed() {
    let shown = run(4, &[&[0xff; 20]]);
    let hash = blake3(&[0xff; 8]);
    // Eight are text, the ninth shows that they are not.
    let kept = "\u{fffd}".repeat(9);
    let expected = format!(
        "{kept}{{stdout is binary from here: text in it is recorded, and 4 bytes of the rest}}\
         {}\u{fffd}{{stdout: 8 bytes not recorded, blake3 {hash}}}",
        "\u{fffd}".repeat(3)
    );
    assert_eq!(shown, expected);
}

#[test]
fn a_stream_keeps_no_more_binary_than_it_may_in_all_segments_together() {
    let text = "x".repeat(RECOVERY);
    let segment = [&[0xff; 40][..], text.as_bytes()].concat();
    let shown = run(60, &[&segment, &segment, &segment]);
    let notes: Vec<_> = shown.split('{').skip(1).map(|note| note.split_once('}').unwrap().0).collect();
    assert_eq!(notes.len(), 6);
    assert!(notes[0].contains("60 bytes of the rest") && notes[1] == "stdout is text again", "{notes:?}");
    assert!(notes[2].contains("28 bytes of the rest") && notes[3].contains(": 4 bytes not recorded"), "{notes:?}");
    assert!(notes[4].contains("0 bytes of the rest") && notes[5].contains(": 32 bytes not recorded"), "{notes:?}");
}

#[test]
fn a_role_may_ask_for_all_of_it() {
    let stream = OutputStream::new("stdout", false, KeptBinary::All);
    assert_eq!(run_with(stream, &[&[0; 40]]), r"\u0000".repeat(40));
}

#[test]
fn bulk_text_after_binary_is_bounded_and_comes_back_with_time() {
    let mut stream = OutputStream::new("stdout", false, KeptBinary::UpTo(0));
    let mut out = Vec::new();
    let mut feed = |stream: &mut OutputStream, at, bytes: &[u8]| {
        let (mut rest, mut notes) = (bytes, Vec::new());
        let before = out.len();
        while !rest.is_empty() {
            let fed = stream.feed(Duration::from_secs(at), rest, &mut out);
            rest = &rest[fed.used..];
            notes.extend(fed.note);
        }
        (notes, out.len() - before)
    };
    feed(&mut stream, 0, &[0; 5000]);
    stream.text_left = Some(Allowance { left: 3000, ..Allowance::default() });
    let line = b"a line of text in an archive of text files ".repeat(100);
    let (notes, recorded) = feed(&mut stream, 0, &line);
    assert!(recorded < 3100, "{recorded}");
    assert!(notes[0].contains("is text again") && notes[1].contains("more text came"), "{notes:?}");
    // What comes back in a second is not enough …
    assert_eq!(feed(&mut stream, 1, &line), (Vec::new(), 0));
    // … and 32 seconds are: nothing is off for good.
    let (notes, recorded) = feed(&mut stream, 40, &line);
    assert_eq!(recorded, line.len());
    assert!(notes[0].contains("is text again: "), "{notes:?}");
}

#[test]
fn without_a_terminal_a_missing_cr_is_put_in() {
    assert_eq!(run(0, &[b"a\nb\r", b"\nc\r\n", b"", b"\n"]), r"a\r\nb\r\nc\r\n\r\n");
    let terminal = OutputStream::new("stdout", true, KeptBinary::UpTo(0));
    assert_eq!(run_with(terminal, &[b"a\nb\r\n"]), r"a\nb\r\n");
}

#[test]
fn a_few_latin_1_letters_are_still_text() {
    let line =
        b"Stra\xdfe und Gr\xfc\xdfe in a log file of some other decade, with enough plain text to tell what it is; \
        and then more of it, because one line of text is not proof of anything. The end of the line.\n";
    let shown = run(0, &[&line.repeat(200)]);
    assert!(!shown.contains('{'));
    assert_eq!(shown.matches('\u{fffd}').count(), 600);
}

/// Text and binary in turns: whole lines, NULs, random bytes, split characters.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => "[ -z|~]{1,40}\r?\n".prop_map(String::into_bytes),
        1 => "[ -z|~]{1100,1200}\n".prop_map(String::into_bytes),
        2 => "[à-üа-я日本😀]{1,20}".prop_map(String::into_bytes),
        2 => (1_usize..200).prop_map(|count| vec![0; count]),
        2 => prop::collection::vec(any::<u8>().prop_filter("notes have braces", |byte| !matches!(byte, b'{' | b'}')), 0..60),
        1 => prop::sample::select(vec![b"\xc3".to_vec(), b"\xe2\x82".to_vec(), b"\xf0\x9f\x98".to_vec()]),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn without_notes(shown: &str) -> String {
    shown.split('{').map(|part| part.split_once('}').map_or(part, |(_, text)| text)).collect()
}

proptest! {
    #[test]
    fn chunking_does_not_matter(bytes in bytes(), size in 1_usize..100, keep in 0_u64..300) {
        let chunks: Vec<_> = bytes.chunks(size).collect();
        prop_assert_eq!(run(keep, &chunks), run(keep, &[&bytes]));
    }

    #[test]
    fn every_line_of_text_is_recorded_whatever_stands_before_it(
        before in bytes(),
        line in "[a-zA-Z0-9 _./:-]{12,80}",
        after in bytes(),
        keep in 0_u64..300,
    ) {
        prop_assert!(line.len() >= MIN_RUN);
        let shown = run(keep, &[&before, b"\0", line.as_bytes(), b"\n\0", &after]);
        prop_assert!(without_notes(&shown).contains(&line), "{shown}");
    }

    #[test]
    fn what_is_recorded_grows_with_what_came_only(bytes in bytes(), times in 1_usize..20) {
        let bytes = bytes.repeat(times);
        let shown = run(0, &[&bytes]);
        // An escaped control character takes six bytes, and two markers for each kilobyte come on top.
        prop_assert!(shown.len() <= 6 * bytes.len() + 300 + bytes.len() * 300 / RECOVERY, "{} of {}", shown.len(), bytes.len());
    }
}
