//! The segments of a path that every reader splits in the same way.

use super::{RefusedRequest, query::percent_decoded};

/// Segments with percent-encoding undone. Invariant: none is empty, `.` or `..`, and none has a slash, a
/// backslash, a percent sign or a control character.
#[derive(Debug)]
pub(super) struct Segments {
    segments: Vec<String>,
    trailing_slash: bool,
}

impl Segments {
    pub(super) fn parse(path: &str) -> Result<Self, RefusedRequest> {
        let inner = path.strip_prefix('/').ok_or(RefusedRequest::NotAbsolute)?;
        let (inner, trailing_slash) = match inner.strip_suffix('/') {
            Some(inner) => (inner, true),
            None => (inner, false),
        };
        if inner.is_empty() {
            // `//` is not `/`.
            return if trailing_slash {
                Err(RefusedRequest::EmptySegment)
            } else {
                Ok(Self { segments: Vec::new(), trailing_slash })
            };
        }
        let segments = inner.split('/').map(segment).collect::<Result<_, _>>()?;
        Ok(Self { segments, trailing_slash })
    }

    pub(super) fn len(&self) -> usize {
        self.segments.len()
    }

    /// The path that the segments make.
    pub(super) fn path(&self) -> String {
        let slash = if self.trailing_slash { "/" } else { "" };
        format!("/{}{slash}", self.segments.join("/"))
    }

    pub(super) fn into_iter(self) -> std::vec::IntoIter<String> {
        self.segments.into_iter()
    }
}

fn segment(raw: &str) -> Result<String, RefusedRequest> {
    let segment = percent_decoded(raw.as_bytes())?;
    let segment = String::from_utf8(segment).map_err(|_| RefusedRequest::NotUtf8)?;
    match segment.as_str() {
        "" => return Err(RefusedRequest::EmptySegment),
        "." | ".." => return Err(RefusedRequest::DotSegment),
        _ => {}
    }
    // A slash and a percent sign can only come from an encoded one here; a bare backslash is a slash to some.
    if segment.contains(['/', '\\', '%']) {
        return Err(RefusedRequest::EncodedDelimiter);
    }
    if segment.chars().any(char::is_control) {
        return Err(RefusedRequest::ControlCharacter);
    }
    Ok(segment)
}
