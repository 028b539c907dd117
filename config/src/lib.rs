//! Settings and rule documents: text in, checked values out.

pub mod name;

pub use name::{GroupName, Login, NameError, RoleName, RuleName, TargetName, UserName};
