//! Fuzz targets: what must hold for any bytes, as plain functions.
//!
//! `make fuzz` runs them. With cargo-fuzz and a nightly compiler, libFuzzer does it, through the thin wrappers in
//! `policy/fuzz` and `recorder/fuzz`; without them the program of this crate does, which knows nothing of coverage
//! but needs nothing either: [`mutation`] makes inputs from the seeds of each target.

pub mod mutation;
pub mod targets;

/// A function that any bytes are given to, and that panics where a promise is broken.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// The function.
    pub run: fn(&[u8]),
    /// Where inputs begin, and the pieces they are made of.
    pub seeds: &'static [&'static str],
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "command", run: targets::command::run, seeds: targets::command::SEEDS },
    Target { name: "editor", run: targets::editor::run, seeds: targets::KEYS },
    Target { name: "gate", run: targets::gate::run, seeds: targets::KEYS },
    Target { name: "key", run: targets::key::run, seeds: targets::KEYS },
    #[cfg(feature = "kube")]
    Target { name: "kube_port_stream", run: targets::kube::port_stream, seeds: targets::kube::PORT_STREAMS },
    #[cfg(feature = "kube")]
    Target { name: "kube_request_info", run: targets::kube::request_info, seeds: targets::kube::REQUESTS },
    #[cfg(feature = "kube")]
    Target { name: "kube_spdy", run: targets::kube::spdy, seeds: targets::kube::FRAMES },
    #[cfg(feature = "kube")]
    Target { name: "kube_websocket_channel", run: targets::kube::websocket_channel, seeds: targets::kube::MESSAGES },
    Target { name: "line", run: targets::line::run, seeds: targets::KEYS },
    #[cfg(feature = "recorder")]
    Target { name: "cast_reader", run: targets::cast_reader::run, seeds: targets::cast_reader::SEEDS },
    #[cfg(feature = "recorder")]
    Target { name: "utf8_decoder", run: targets::utf8_decoder::run, seeds: targets::KEYS },
];
