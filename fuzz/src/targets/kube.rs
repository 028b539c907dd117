//! The protocols of the Kubernetes front: request lines, SPDY and the messages over WebSocket.

use wire::fuzz;

/// Request lines.
pub fn request_info(data: &[u8]) {
    fuzz::request_info(data);
}

/// The bytes of a SPDY peer. Seeds are text, so a character up to U+00FF stands for its number.
pub fn spdy(data: &[u8]) {
    fuzz::spdy(&bytes(data));
}

/// A message over WebSocket.
pub fn websocket_channel(data: &[u8]) {
    fuzz::websocket_channel(&bytes(data));
}

/// The headers of a stream of forwarded ports.
pub fn port_stream(data: &[u8]) {
    fuzz::port_stream(data);
}

fn bytes(data: &[u8]) -> Vec<u8> {
    let text = str::from_utf8(data).unwrap_or_default();
    let numbers: Result<Vec<u8>, _> = text.chars().map(|character| u8::try_from(u32::from(character))).collect();
    numbers.ok().filter(|numbers| !numbers.is_empty()).unwrap_or_else(|| data.to_vec())
}

/// The first byte is the method.
pub const REQUESTS: &[&str] = &[
    "\0/api/v1/namespaces/shop/pods/web-0/exec?command=sh&command=-c&command=id&tty=true",
    "\u{1}/apis/apps/v1/namespaces/shop/deployments/web/scale",
    "\0/api/v1/watch/pods?fieldSelector=metadata.name%3Dx",
    "\0/api/v1/namespaces/shop/services/s:80/proxy/a/b",
    "/api/v1/nodes/n/proxy/run",
    "//",
    "/..",
    "/%2e%2e/",
    "%2f",
    "%252f",
    ";",
    "&watch=1",
    "\u{7f}",
];

/// Frames: a stream is opened, its data, settings, a ping, the end.
pub const FRAMES: &[&str] = &[
    "\u{10}\u{80}\u{3}\0\u{1}\u{1}\0\0\u{12}\0\0\0\u{1}\0\0\0\0\0\0",
    "\0\0\0\u{1}\0\0\0\u{3}abc",
    "\0\0\0\u{1}\u{1}\0\0\0",
    "\u{80}\u{3}\0\u{2}\0\0\0\u{6}\0\0\0\u{1}\0\0",
    "\u{80}\u{3}\0\u{3}\0\0\0\u{8}\0\0\0\u{1}\0\0\0\u{1}",
    "\u{80}\u{3}\0\u{4}\0\0\0\u{c}\0\0\0\u{1}\0\0\0\u{4}\0\0\0\u{7}",
    "\u{80}\u{3}\0\u{6}\0\0\0\u{4}\0\0\0\u{1}",
    "\u{80}\u{3}\0\u{7}\0\0\0\u{8}\0\0\0\u{1}\0\0\0\0",
    "\u{80}\u{3}\0\u{9}\0\0\0\u{8}\0\0\0\u{1}\0\0\u{ff}\u{ff}",
    "\u{ff}\u{ff}\u{ff}\u{ff}",
];

/// The first byte is the stream's number.
pub const PORT_STREAMS: &[&str] = &[
    "\u{1}streamtype:error\nport:8080\nrequestid:0",
    "\u{3}streamtype:data\nport:8080\nrequestid:0",
    "\u{1}streamtype:error\nport:65535",
    "\u{3}streamtype:data\nport:1",
    "\nstreamtype:",
    "\nport:+1",
    "\nport:65536",
    "\nrequestid:#1",
    "\u{fffd}",
];

/// Messages and what they hold.
pub const MESSAGES: &[&str] = &[
    "\0ls\n",
    "\u{1}out",
    "\u{3}{\"metadata\":{},\"status\":\"Failure\",\"details\":{\"causes\":[{\"reason\":\"ExitCode\",\"message\":\"7\"}]}}",
    "\u{4}{\"Width\":123,\"Height\":45}",
    "\u{ff}\0",
    "\u{ff}",
];
