//! The data types of RFC 4251 §5.

use anyhow::{Context, Result};

/// Bytes of a message that is put together.
#[derive(Clone, Debug, Default)]
pub struct Wire(Vec<u8>);

impl Wire {
    /// A message of this number.
    #[must_use]
    pub fn message(number: u8) -> Self {
        Self(vec![number])
    }

    /// Adds bytes as they are.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Adds a `uint32`.
    #[must_use]
    pub fn number(self, number: u32) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    /// Adds a `boolean`.
    #[must_use]
    pub fn flag(self, flag: bool) -> Self {
        self.bytes(&[u8::from(flag)])
    }

    /// Adds a `string`.
    #[must_use]
    pub fn string(self, bytes: &[u8]) -> Self {
        self.number(u32::try_from(bytes.len()).unwrap_or(u32::MAX)).bytes(bytes)
    }

    /// Adds a `string` that is text.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.string(text.as_bytes())
    }

    /// Adds an `mpint` that is not negative.
    #[must_use]
    pub fn integer(self, bytes: &[u8]) -> Self {
        let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
        let digits = bytes.get(start..).unwrap_or_default();
        let sign: &[u8] = if digits.first().is_some_and(|first| *first >= 0x80) { &[0] } else { &[] };
        self.string(&[sign, digits].concat())
    }

    /// What was put together.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Reads a message.
#[derive(Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads these bytes.
    #[must_use]
    pub fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).context("the message is too short")?;
        self.0 = rest;
        Ok(taken)
    }

    /// A `uint32`.
    ///
    /// # Errors
    /// Fails at the end.
    pub fn number(&mut self) -> Result<u32> {
        Ok(u32::from_be_bytes(self.take(4)?.try_into()?))
    }

    /// A `boolean`.
    ///
    /// # Errors
    /// Fails at the end.
    pub fn flag(&mut self) -> Result<bool> {
        Ok(self.take(1)? != [0])
    }

    /// A `string`.
    ///
    /// # Errors
    /// Fails at the end.
    pub fn string(&mut self) -> Result<Vec<u8>> {
        let count = usize::try_from(self.number()?)?;
        Ok(self.take(count)?.to_vec())
    }

    /// A `string` that is text.
    ///
    /// # Errors
    /// Fails at the end.
    pub fn text(&mut self) -> Result<String> {
        Ok(String::from_utf8_lossy(&self.string()?).into_owned())
    }
}
