//! Judging of whole lines: the corpus of typed commands, and what holds of every text.

#![expect(clippy::panic, reason = "a test that cannot read its fixtures has failed")]

mod corpus;
mod day;
mod input;
mod judged;
mod programs;
mod properties;
mod ways;
