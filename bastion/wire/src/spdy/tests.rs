//! Against bytes that moby/spdystream wrote, against every way to cut them, and against a peer that lies.

use bytes::{BufMut, Bytes, BytesMut};
use data_encoding::HEXLOWER;
use miniz_oxide::deflate::compress_to_vec;
use proptest::prelude::*;

use super::{
    dictionary::DICTIONARY_ID,
    frame::{FrameWriter, MAX_CONTROL_BYTES},
    header_block::{HeaderWriter, MAX_HEADER_BYTES},
    *,
};

/// What `spdy.Framer` of moby/spdystream 0.5 wrote: SYN_STREAM five times, DATA twice, PING, an empty DATA with FIN,
/// RST_STREAM, SETTINGS, WINDOW_UPDATE and GOAWAY. Its blocks refer back to earlier ones.
const FROM_GO: &str = "\
    80030001000000290000000100000000000078f9e3c6a7c26260606004a7b392a2d4c45c6851c29a0a0a6800000000ffff80030001000000\
    1700000003000000000000c22e555c92929907000000ffff800300010000001900000005000000000000c22ac5565c92925f5a02000000ff\
    ff800300010000001800000007000000000000c22e57945a9c59950a000000ffff800300010000002f000000090000000000000225710c39\
    50c19508a9038ac0d9cdc2c0c280818181b308926632417989d100000000ffff00000003000000086563686f2068690a0000000700000019\
    7b225769647468223a38302c22486569676874223a32347d0a80030006000000040000000100000003010000008003000300000008000000\
    0900000005800300040000000c00000001000000070001000080030009000000080000000100000064800300070000000800000000000000\
    00";

fn from_go() -> Bytes {
    HEXLOWER.decode(FROM_GO.as_bytes()).unwrap().into()
}

/// Passes `bytes` to a server in pieces that end at `cuts`.
fn serve(bytes: &Bytes, cuts: &[usize]) -> Result<(Vec<Event>, Bytes), SpdyError> {
    let mut server = Connection::new(Role::Server, 16);
    let mut events = Vec::new();
    let mut begin = 0;
    for end in cuts.iter().copied().chain([bytes.len()]) {
        server.receive(bytes.slice(begin..end), &mut events)?;
        begin = end;
    }
    Ok((joined(events), server.take_outgoing()))
}

/// Data events that follow one another on a stream are one: a frame may come in pieces.
fn joined(events: Vec<Event>) -> Vec<Event> {
    let mut joined: Vec<Event> = Vec::new();
    for event in events {
        match (joined.last_mut(), event) {
            (Some(Event::Data(id, begun)), Event::Data(same, more)) if *id == same => {
                *begun = [begun.as_ref(), more.as_ref()].concat().into();
            }
            (_, event) => joined.push(event),
        }
    }
    joined
}

/// A client and a server that accepted streams of these kinds.
fn pair(kinds: &[&str]) -> (Connection, Connection, Vec<StreamId>) {
    let (mut client, mut server) = (Connection::new(Role::Client, 0), Connection::new(Role::Server, 16));
    let open = |kind| client.open(&Headers::new(&[("streamtype", kind)])).unwrap();
    let ids: Vec<StreamId> = kinds.iter().copied().map(open).collect();
    let mut events = Vec::new();
    server.receive(client.take_outgoing(), &mut events).unwrap();
    for (id, kind) in ids.iter().zip(kinds) {
        assert!(events.contains(&Event::Opened(*id, Headers::new(&[("streamtype", kind)]))));
        server.accept(*id).unwrap();
    }
    let accepted = exchange(&mut server, &mut client);
    assert_eq!(accepted, ids.iter().copied().map(Event::Accepted).collect::<Vec<_>>());
    (client, server, ids)
}

/// What `to` sees of what `from` has to send.
fn exchange(from: &mut Connection, to: &mut Connection) -> Vec<Event> {
    let mut events = Vec::new();
    to.receive(from.take_outgoing(), &mut events).unwrap();
    joined(events)
}

// === the peer that is there ===

#[test]
fn what_spdystream_writes_is_read_and_its_ping_is_answered() {
    let (events, sent) = serve(&from_go(), &[]).unwrap();
    let mut kinds = Vec::new();
    for event in &events {
        if let Event::Opened(id, headers) = event {
            kinds.push((id.0, headers.value("streamtype").unwrap(), headers.value("port")));
        }
    }
    let opened =
        [(1, "error", None), (3, "stdin", None), (5, "stdout", None), (7, "resize", None), (9, "data", Some("8080"))];
    assert_eq!(kinds, opened);
    let rest = [
        Event::Data(StreamId(3), Bytes::from_static(b"echo hi\n")),
        Event::Data(StreamId(7), Bytes::from_static(b"{\"Width\":80,\"Height\":24}\n")),
        Event::Finished(StreamId(3)),
        Event::Reset(StreamId(9), ResetStatus::CANCEL),
        Event::GoneAway,
    ];
    assert_eq!(events[5..], rest);
    assert_eq!(sent, [0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1].as_slice());
}

#[test]
fn a_header_block_is_written_as_go_reads_it() {
    // Read by spdystream 0.5 when this was written: the zlib header names the dictionary, and a flush ends the block.
    let mut writer = HeaderWriter::default();
    let first = writer.write(&Headers::new(&[("streamtype", "error")]));
    assert_eq!(first[..6], [0x78, 0x20, 0xe3, 0xc6, 0xa7, 0xc2]);
    let second = writer.write(&Headers::default());
    assert_eq!(second, [0, 4, 0, 0xfb, 0xff, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);
}

// === cutting ===

#[test]
fn every_split_in_two_is_read_alike() {
    let bytes = from_go();
    let whole = serve(&bytes, &[]).unwrap();
    for cut in 0..=bytes.len() {
        assert_eq!(serve(&bytes, &[cut]).unwrap(), whole, "cut at {cut}");
    }
}

#[test]
fn byte_by_byte_is_read_alike() {
    let bytes = from_go();
    let cuts: Vec<usize> = (1..bytes.len()).collect();
    assert_eq!(serve(&bytes, &cuts).unwrap(), serve(&bytes, &[]).unwrap());
}

proptest! {
    #[test]
    fn any_cutting_of_a_conversation_is_read_alike(
        chunks in proptest::collection::vec((0usize..3, proptest::collection::vec(any::<u8>(), 0..300)), 0..20),
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..20),
    ) {
        let (mut client, mut server, ids) = pair(&["stdin", "resize", "data"]);
        let mut sent = [Vec::new(), Vec::new(), Vec::new()];
        for (stream, chunk) in chunks {
            client.send(ids[stream], &chunk).unwrap();
            sent[stream].extend(chunk);
        }
        for id in &ids {
            client.finish(*id).unwrap();
        }
        let bytes = client.take_outgoing();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let mut events = Vec::new();
        let mut begin = 0;
        for end in cuts.into_iter().chain([bytes.len()]) {
            server.receive(bytes.slice(begin..end), &mut events).unwrap();
            begin = end;
        }
        for (id, sent) in ids.iter().zip(sent) {
            let mut got = Vec::new();
            for event in &events {
                if let Event::Data(stream, data) = event && stream == id {
                    got.extend_from_slice(data);
                }
            }
            prop_assert_eq!(got, sent);
            prop_assert_eq!(events.iter().filter(|event| **event == Event::Finished(*id)).count(), 1);
        }
    }

    #[test]
    fn headers_come_back_as_they_went(
        blocks in proptest::collection::vec(
            proptest::collection::btree_map("[a-z0-9-]{1,20}", "[ -~]{0,300}", 0..8), 1..6),
    ) {
        let (mut client, mut server) = (Connection::new(Role::Client, 0), Connection::new(Role::Server, 16));
        for block in blocks {
            let pairs: Vec<(&str, &str)> = block.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let headers = Headers::new(&pairs);
            let id = client.open(&headers).unwrap();
            prop_assert_eq!(exchange(&mut client, &mut server), vec![Event::Opened(id, headers)]);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut server = Connection::new(Role::Server, 4);
        let _ = server.receive(bytes.into(), &mut Vec::new());
        prop_assert!(server.streams() <= 4);
    }

    #[test]
    fn bytes_changed_on_the_way_are_read_or_refused(at in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = from_go().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = serve(&bytes.into(), &[]);
    }
}

// === streams ===

#[test]
fn each_half_of_a_stream_ends_by_itself() {
    let (mut client, mut server, ids) = pair(&["stdin"]);
    let id = ids[0];
    client.send(id, b"in").unwrap();
    client.finish(id).unwrap();
    let data = |bytes: &'static [u8]| Event::Data(id, Bytes::from_static(bytes));
    assert_eq!(exchange(&mut client, &mut server), [data(b"in"), Event::Finished(id)]);
    assert_eq!(client.send(id, b"more"), Err(SendError::Closed));
    server.send(id, b"out").unwrap();
    server.finish(id).unwrap();
    assert_eq!(exchange(&mut server, &mut client), [data(b"out"), Event::Finished(id)]);
    assert_eq!((client.streams(), server.streams()), (0, 0));
}

#[test]
fn nothing_is_sent_on_a_stream_before_it_is_accepted() {
    let mut client = Connection::new(Role::Client, 0);
    let id = client.open(&Headers::default()).unwrap();
    assert_eq!(client.send(id, b"early"), Err(SendError::NotAccepted));
    assert_eq!(client.finish(id), Err(SendError::NotAccepted));
}

#[test]
fn data_that_crosses_a_reset_is_ignored() {
    let (mut client, mut server, ids) = pair(&["data"]);
    client.send(ids[0], b"late").unwrap();
    server.reset(ids[0], ResetStatus::CANCEL);
    assert_eq!(exchange(&mut client, &mut server), []);
    assert_eq!(exchange(&mut server, &mut client), [Event::Reset(ids[0], ResetStatus::CANCEL)]);
    assert_eq!(client.streams(), 0);
}

#[test]
fn streams_above_the_limit_are_refused_and_the_connection_goes_on() {
    let (mut client, mut server) = (Connection::new(Role::Client, 0), Connection::new(Role::Server, 1));
    let (first, second) = (client.open(&Headers::default()).unwrap(), client.open(&Headers::default()).unwrap());
    assert_eq!(exchange(&mut client, &mut server), [Event::Opened(first, Headers::default())]);
    assert_eq!(exchange(&mut server, &mut client), [Event::Reset(second, ResetStatus::REFUSED_STREAM)]);
    server.reset(first, ResetStatus::CANCEL);
    // The block of the refused stream was read: this one would not inflate otherwise.
    let third = client.open(&Headers::new(&[("streamtype", "stdin")])).unwrap();
    assert_eq!(exchange(&mut client, &mut server), [Event::Opened(third, Headers::new(&[("streamtype", "stdin")]))]);
}

#[test]
fn opening_and_closing_leaves_nothing_behind() {
    let (mut client, mut server) = (Connection::new(Role::Client, 0), Connection::new(Role::Server, 2));
    for _ in 0..10_000 {
        let id = client.open(&Headers::new(&[("streamtype", "data"), ("port", "80")])).unwrap();
        exchange(&mut client, &mut server);
        server.accept(id).unwrap();
        exchange(&mut server, &mut client);
        client.send(id, b"x").unwrap();
        client.finish(id).unwrap();
        exchange(&mut client, &mut server);
        server.finish(id).unwrap();
        exchange(&mut server, &mut client);
    }
    assert_eq!((client.streams(), server.streams()), (0, 0));
    assert_eq!((client.outgoing_bytes(), server.outgoing_bytes()), (0, 0));
}

#[test]
fn a_peer_that_counts_its_window_is_told_what_was_consumed() {
    let (mut client, mut server, ids) = pair(&["stdin"]);
    client.send(ids[0], &vec![0; 40 * 1024]).unwrap();
    exchange(&mut client, &mut server);
    server.consumed(ids[0], 30 * 1024);
    assert_eq!(server.outgoing_bytes(), 0);
    server.consumed(ids[0], 10 * 1024);
    // One for the stream, one for the connection; and a peer that does not count reads over them.
    assert_eq!(server.outgoing_bytes(), 2 * 16);
    assert_eq!(exchange(&mut server, &mut client), []);
}

#[test]
fn after_go_away_no_stream_opens() {
    let (mut client, mut server, _) = pair(&["stdin"]);
    server.go_away();
    assert_eq!(exchange(&mut server, &mut client), [Event::GoneAway]);
    assert_eq!(client.open(&Headers::default()), Err(SendError::GoneAway));
}

// === a peer that lies ===

fn control(kind: u16, payload: &[u8]) -> BytesMut {
    let mut frame = BytesMut::new();
    frame.put_u16(0x8003);
    frame.put_u16(kind);
    frame.put_u32(u32::try_from(payload.len()).unwrap());
    frame.extend_from_slice(payload);
    frame
}

fn syn_stream(id: u32, block: &[u8]) -> BytesMut {
    let mut frame = BytesMut::new();
    FrameWriter(&mut frame).syn_stream(StreamId(id), block, false);
    frame
}

/// A compressed block of these plain bytes.
fn deflated(plain: &[u8]) -> Vec<u8> {
    [&[0x78, 0x20], DICTIONARY_ID.as_slice(), &compress_to_vec(plain, 9)].concat()
}

/// A block of these plain bytes with the flush at its end.
fn plain_block(plain: &[u8]) -> Vec<u8> {
    let length = u16::try_from(plain.len()).unwrap();
    let header = [&[0x78, 0x20], DICTIONARY_ID.as_slice(), &[0], &length.to_le_bytes(), &(!length).to_le_bytes()];
    [&header.concat(), plain, &[0, 0, 0, 0xff, 0xff]].concat()
}

fn pairs(count: u32, pairs: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut plain = BytesMut::new();
    plain.put_u32(count);
    for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
        plain.put_u32(u32::try_from(text.len()).unwrap());
        plain.extend_from_slice(text);
    }
    plain.to_vec()
}

#[test]
fn malformed_frames_are_refused() {
    let whole = plain_block(&pairs(0, &[]));
    let opened = syn_stream(1, &whole);
    let after_open = |frame: &[u8]| [opened.as_ref(), frame].concat();
    let data = |id: u32, flags: u8| [&id.to_be_bytes(), [flags, 0, 0, 1].as_slice(), b"x"].concat();
    let table: &[(&str, Vec<u8>, SpdyError)] = &[
        ("version 2", vec![0x80, 2, 0, 1, 0, 0, 0, 0], SpdyError::Version(2)),
        ("an unknown type", control(10, &[]).to_vec(), SpdyError::UnknownFrame(10)),
        ("16 MiB of control", vec![0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff], SpdyError::ControlFrameTooLong(0xff_ffff)),
        (
            "a byte too many",
            [&[0x80, 3, 0, 1], (MAX_CONTROL_BYTES + 1).to_be_bytes().as_slice()].concat(),
            SpdyError::ControlFrameTooLong(MAX_CONTROL_BYTES + 1),
        ),
        ("a short SYN_STREAM", control(1, &[0, 0, 0, 1, 0, 0]).to_vec(), SpdyError::MalformedFrame),
        ("an empty PING", control(6, &[]).to_vec(), SpdyError::MalformedFrame),
        ("a long PING", control(6, &[0; 5]).to_vec(), SpdyError::MalformedFrame),
        ("a short GOAWAY", control(7, &[0; 4]).to_vec(), SpdyError::MalformedFrame),
        ("a window of zero", control(9, &[0, 0, 0, 1, 0, 0, 0, 0]).to_vec(), SpdyError::MalformedFrame),
        ("settings that are not there", control(4, &[0xff; 4]).to_vec(), SpdyError::MalformedFrame),
        ("stream zero", syn_stream(0, &whole).to_vec(), SpdyError::StreamId),
        ("a stream of our side", syn_stream(2, &whole).to_vec(), SpdyError::StreamId),
        ("a stream twice", after_open(&syn_stream(1, &[0, 4, 0, 0xfb, 0xff, 0, 0, 0, 0])), SpdyError::StreamId),
        ("data for stream zero", data(0, 0), SpdyError::StreamId),
        ("data for no stream", data(5, 0), SpdyError::StreamId),
        ("data for a stream that we did not open", data(2, 0), SpdyError::StreamId),
        ("data after the end", after_open(&[data(1, 1), data(1, 0)].concat()), SpdyError::DataAfterEnd),
        (
            "a reply that was not asked for",
            control(2, &[&[0, 0, 0, 2], whole.as_slice()].concat()).to_vec(),
            SpdyError::UnexpectedReply,
        ),
    ];
    for (what, bytes, error) in table {
        assert_eq!(serve(&bytes.clone().into(), &[]).unwrap_err(), *error, "{what}");
    }
}

#[test]
fn malformed_header_blocks_are_refused() {
    use SpdyError::{Deflate, HeadersTooLong, MalformedHeaders};
    let long = vec![b'x'; MAX_HEADER_BYTES];
    let table: &[(&str, Vec<u8>, SpdyError)] = &[
        ("nothing", vec![], Deflate),
        ("no dictionary", [&[0x78, 0x9c], compress_to_vec(&[0; 4], 9).as_slice()].concat(), Deflate),
        ("another dictionary", [&[0x78, 0x20, 1, 2, 3, 4], compress_to_vec(&[0; 4], 9).as_slice()].concat(), Deflate),
        ("garbage", [&[0x78, 0x20], DICTIONARY_ID.as_slice(), &[0xff; 40]].concat(), Deflate),
        ("a stream that ends", deflated(&[0; 4]), Deflate),
        ("no count", plain_block(&[0, 0]), MalformedHeaders),
        ("4294967295 pairs", plain_block(&pairs(u32::MAX, &[])), MalformedHeaders),
        ("a name of 4 GiB", plain_block(&[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]), MalformedHeaders),
        ("a pair too few", plain_block(&pairs(2, &[(b"a", b"b")])), MalformedHeaders),
        ("a pair too many", plain_block(&pairs(0, &[(b"a", b"b")])), MalformedHeaders),
        ("an empty name", plain_block(&pairs(1, &[(b"", b"b")])), MalformedHeaders),
        ("an upper-case name", plain_block(&pairs(1, &[(b"Streamtype", b"b")])), MalformedHeaders),
        ("a name twice", plain_block(&pairs(2, &[(b"a", b"b"), (b"a", b"c")])), MalformedHeaders),
        ("no UTF-8", plain_block(&pairs(1, &[(b"a", b"\xff")])), MalformedHeaders),
        ("too long", plain_block(&pairs(1, &[(b"a", &long)])), HeadersTooLong(MAX_HEADER_BYTES)),
    ];
    for (what, block, error) in table {
        assert_eq!(serve(&syn_stream(1, block).freeze(), &[]).unwrap_err(), *error, "{what}");
    }
}

#[test]
fn an_inflation_bomb_is_refused() {
    let bomb = deflated(&vec![0; 16 * 1024 * 1024]);
    assert!(bomb.len() < usize::try_from(MAX_CONTROL_BYTES).unwrap(), "{}", bomb.len());
    assert_eq!(serve(&syn_stream(1, &bomb).freeze(), &[]).unwrap_err(), SpdyError::HeadersTooLong(MAX_HEADER_BYTES));
}

#[test]
fn a_peer_that_pings_and_does_not_read_is_cut_off() {
    let mut server = Connection::new(Role::Server, 1);
    let mut ping = BytesMut::new();
    FrameWriter(&mut ping).ping(1);
    let flood = Bytes::from(ping.repeat(10_000));
    assert_eq!(server.receive(flood.clone(), &mut Vec::new()), Err(SpdyError::UnreadReplies));
    assert!(server.outgoing_bytes() < 100 * 1024);

    // One that reads may ping as often as it likes.
    let mut server = Connection::new(Role::Server, 1);
    for _ in 0..100 {
        server.receive(flood.slice(..1200), &mut Vec::new()).unwrap();
        assert_eq!(server.take_outgoing(), flood.slice(..1200));
    }
}

#[test]
fn a_data_frame_of_16_mib_is_passed_on_piece_by_piece() {
    let mut server = Connection::new(Role::Server, 1);
    let mut events = Vec::new();
    server.receive(syn_stream(1, &plain_block(&pairs(0, &[]))).freeze(), &mut events).unwrap();
    server.receive(Bytes::from_static(&[0, 0, 0, 1, 0, 0xff, 0xff, 0xff]), &mut events).unwrap();
    events.clear();
    server.receive(Bytes::from_static(b"only this much so far"), &mut events).unwrap();
    assert_eq!(events, [Event::Data(StreamId(1), Bytes::from_static(b"only this much so far"))]);
}
