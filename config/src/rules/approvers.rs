//! [`Approvers`]: whose approval something needs.

use std::time::Duration;

use crate::{
    name::GroupName,
    reader::{Field, Read},
    value,
};

/// Who may approve, how many of them it takes, and how long they have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approvers {
    /// Members of any of these groups.
    pub groups: Vec<GroupName>,
    /// How many different people.
    pub count: usize,
    /// How long a request waits for them; then it is refused.
    pub expires: Duration,
    /// Whether the requester must give a reason.
    pub reason_required: bool,
}

impl Approvers {
    pub(super) fn read(field: &Field<'_>) -> Read<Self> {
        field.table("approvers such as { groups: [sre], count: 1 }", |approvers| {
            let groups = approvers.required("groups", |groups| {
                let names: Vec<GroupName> =
                    groups.list("a list of groups such as [sre]", |group| group.name("a group name"))?;
                if names.is_empty() {
                    return Err(groups.refused("nobody could approve; name groups such as [sre]"));
                }
                Ok(names)
            });
            let count = approvers.present("count", |count| count.count(MAX_APPROVERS)).transpose();
            let expires = approvers.present("expires", value::duration(EXPIRES)).transpose();
            let reasons = [("required", true), ("optional", false)];
            let reason = approvers.present("reason", |reason| reason.choice(&reasons)).transpose();
            Ok(Self {
                groups: groups?,
                count: count?.unwrap_or(1),
                expires: expires?.unwrap_or(DEFAULT_EXPIRES),
                reason_required: reason?.unwrap_or(false),
            })
        })
    }
}

/// The most people that one request can wait for.
const MAX_APPROVERS: usize = 10;

/// Long enough for somebody on call to open the link, short enough that nobody forgets what they asked for.
const DEFAULT_EXPIRES: Duration = Duration::from_secs(15 * 60);

/// Nobody decides in less than ten seconds; what waits for longer than a day is asked for anew.
const EXPIRES: std::ops::RangeInclusive<Duration> = Duration::from_secs(10)..=Duration::from_secs(24 * 60 * 60);
