//! Readers of single values: durations, sizes, URLs, paths, addresses.

use std::{
    net::SocketAddr,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use url::{Host, Url};

use crate::{
    error::Problem,
    reader::{Field, Read},
};

/// Reads a duration such as `30s` inside `range`.
pub(crate) fn duration(range: RangeInclusive<Duration>) -> impl Fn(&Field<'_>) -> Read<Duration> {
    move |field| {
        let parsed = field.parse("a duration such as 30s, 10m or 12h", |text| {
            Duration::try_from(text.parse::<jiff::SignedDuration>().ok()?).ok()
        })?;
        if range.contains(&parsed) {
            return Ok(parsed);
        }
        let (start, end) = (shown(*range.start()), shown(*range.end()));
        Err(field.expected(&format!("a duration from {start} to {end}")))
    }
}

fn shown(duration: Duration) -> String {
    jiff::SignedDuration::try_from(duration)
        .map_or_else(|_| "forever".to_owned(), |d| format!("{d:#}").replace(' ', ""))
}

/// Reads a size in bytes such as `10GiB`.
pub(crate) fn size(field: &Field<'_>) -> Read<u64> {
    field.parse("a size such as 512MiB or 10GiB", |text| {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let (_, factor) = SIZE_UNITS.iter().find(|(name, _)| *name == unit.trim_start())?;
        number.parse::<u64>().ok()?.checked_mul(*factor).filter(|size| *size > 0)
    })
}

const SIZE_UNITS: [(&str, u64); 8] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// Reads an `https` URL. Plain `http` is for the loopback interface only, where nobody can listen in.
pub(crate) fn https_url(field: &Field<'_>) -> Read<Url> {
    const EXPECTED: &str = "a URL such as https://id.example.com";
    let url = field.parse(EXPECTED, |text| Url::parse(text).ok().filter(Url::has_host))?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(field.refused("plain http is accepted on the loopback interface only; use https")),
        _ => Err(field.expected(EXPECTED)),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Reads the address of a listener.
pub(crate) fn socket_address(field: &Field<'_>) -> Read<SocketAddr> {
    field.parse("ADDRESS:PORT such as 0.0.0.0:2222 or [::]:2222", |text| text.parse().ok())
}

/// Reads the path of a file or folder, seen from the folder of the settings file.
pub(crate) fn path(field: &Field<'_>) -> Read<PathBuf> {
    resolve(field, field.text("a path")?)
}

/// `path` as seen from the folder of the settings file.
pub(crate) fn resolve(field: &Field<'_>, path: &str) -> Read<PathBuf> {
    // Paths are repeated in messages as they are, so they must be fit for a terminal.
    if path.is_empty() || path.contains(char::is_control) {
        return Err(field.expected("a path"));
    }
    Ok(field.resolve(path))
}

/// Reads the path of a file that must be readable now.
pub(crate) fn readable_file(field: &Field<'_>) -> Read<PathBuf> {
    let path = path(field)?;
    read_file(field, &path)?;
    Ok(path)
}

/// The text of a file that the settings name.
pub(crate) fn read_file(field: &Field<'_>, path: &Path) -> Read<String> {
    std::fs::read_to_string(path)
        .map_err(|error| field.report(Problem::UnreadableFile { path: path.to_owned(), reason: error.to_string() }))
}

/// Reads a text that is not empty and fits on a line.
pub(crate) fn line(expected: &'static str) -> impl Fn(&Field<'_>) -> Read<String> {
    move |field| {
        field.parse(expected, |text| {
            (!text.trim().is_empty() && !text.contains(char::is_control)).then(|| text.to_owned())
        })
    }
}
