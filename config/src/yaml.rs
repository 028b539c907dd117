//! YAML text to a tree in which every value knows its place.
//!
//! Typed deserialization would stop at the first error; the tree lets
//! [`reader`](crate::reader) find them all.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DefaultMessageFormatter, DuplicateKeyPolicy, MessageFormatter, Spanned};

use crate::error::Location;

/// A value and its place.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) at: Location,
}

/// A YAML value.
#[derive(Debug)]
pub(crate) enum Value {
    /// The key is not in the file. The parser never makes it: it stands in for
    /// keys that were looked for.
    Absent,
    Boolean(bool),
    Fraction(f64),
    Integer(i128),
    List(Vec<Node>),
    Null,
    Table(Vec<Entry>),
    Text(String),
}

/// One key of a mapping and its value.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) at: Location,
    pub(crate) value: Node,
}

/// Parses the only document of `text`. The error is a message and its place.
pub(crate) fn parse(text: &str) -> Result<Node, (String, Location)> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            // Ample for the largest settings file, and small enough that a file of
            // aliases to aliases is refused at once.
            max_events: 1_000_000,
            max_aliases: 10_000,
            max_depth: 32,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 100_000,
            max_replay_stack_depth: 8,
        },
        // Duplicates reach the tree, and its reader reports them with both places.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        // `yes`, `no`, `on` and `off` are texts, as YAML 1.2 has it.
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let at = error.location().map_or(Location { line: 1, column: 1 }, place);
        let message = DefaultMessageFormatter.format_message(error.without_snippet());
        (message.replace(char::is_control, " "), at)
    })
}

fn place(location: serde_saphyr::Location) -> Location {
    let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    Location { line: number(location.line()), column: number(location.column()) }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self { value: spanned.value, at: place(spanned.referenced) })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Fraction(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut table = Vec::new();
        while let Some(key) = entries.next_key::<Spanned<String>>()? {
            table.push(Entry { at: place(key.referenced), key: key.value, value: entries.next_value()? });
        }
        Ok(Value::Table(table))
    }
}
