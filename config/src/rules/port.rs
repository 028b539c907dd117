//! Ports as rules write them: `5432`, or `8000-8999`.

use crate::reader::{Field, Read};
use crate::yaml::Value;

/// A port, or a range of ports with both ends in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    /// Whether `port` is in it.
    #[must_use]
    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }

    pub(super) fn read_list(field: &Field<'_>) -> Read<Vec<Self>> {
        let ports = field.list(r#"a list of ports such as [5432, "8000-8999"]"#, Self::read)?;
        if ports.is_empty() {
            return Err(field.refused("names no port; leave the key out where every port is meant"));
        }
        Ok(ports)
    }

    fn read(field: &Field<'_>) -> Read<Self> {
        let range = match field.value() {
            Value::Integer(number) => u16::try_from(*number).ok().map(|port| (port, port)),
            Value::Text(text) => match text.split_once('-') {
                Some((first, last)) => first.trim().parse().ok().zip(last.trim().parse().ok()),
                None => text.trim().parse().ok().map(|port: u16| (port, port)),
            },
            Value::Absent | Value::Boolean(_) | Value::Fraction(_) | Value::List(_) | Value::Null | Value::Table(_) => {
                None
            }
        };
        let range = range.filter(|(first, last)| *first > 0 && first <= last);
        let (first, last) =
            range.ok_or_else(|| field.expected(r#"a port from 1 to 65535, or a range such as "8000-8999""#))?;
        Ok(Self { first, last })
    }
}
