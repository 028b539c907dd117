//! The parameters of a query, as Go's `net/url` reads them.

use super::RefusedRequest;

/// Parameters in their order; a name may come several times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a raw query. Go drops a pair with a bare semicolon, so it says nothing here either.
    ///
    /// # Errors
    ///
    /// When an encoding is malformed or the bytes are no UTF-8.
    pub fn parse(raw: &str) -> Result<Self, RefusedRequest> {
        let pairs = raw.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';'));
        pairs
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((decoded(name)?, decoded(value)?))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The first value of a parameter, which is the one that counts.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of a parameter in order, as `command=` has them.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether a boolean parameter is true: whatever is there, but `false` and `0`
    /// (`Convert_Slice_string_To_bool` of `k8s.io/apimachinery`).
    #[must_use]
    pub fn is_set(&self, name: &str) -> bool {
        self.first(name).is_some_and(|value| value != "0" && !value.eq_ignore_ascii_case("false"))
    }
}

/// Undoes percent-encoding, once.
pub(super) fn percent_decoded(raw: &[u8]) -> Result<Vec<u8>, RefusedRequest> {
    let mut decoded = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|&digit| char::from(digit).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else { return Err(RefusedRequest::MalformedEncoding) };
        decoded.push(u8::try_from(high * 16 + low).unwrap_or_default());
    }
    Ok(decoded)
}

fn decoded(raw: &str) -> Result<String, RefusedRequest> {
    let spaced = raw.replace('+', " ");
    String::from_utf8(percent_decoded(spaced.as_bytes())?).map_err(|_| RefusedRequest::NotUtf8)
}
