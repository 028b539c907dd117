//! What a role allows on Kubernetes clusters.

use super::{RecordingDuty, SessionMode, TargetSelector, word};
use crate::{
    error::{Located, Location},
    name::GroupName,
    reader::{Field, Read},
};

/// One grant of a role on Kubernetes clusters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterAllow {
    /// Where it stands.
    pub at: Location,
    /// Its clusters.
    pub clusters: TargetSelector,
    /// The groups that the cluster sees; the user's own where the key is not there.
    pub groups: Option<Vec<GroupName>>,
    /// The capabilities, as words.
    pub capabilities: Vec<Located<String>>,
    /// Whether exec and attach go on without a recording.
    pub recording: RecordingDuty,
    /// Whether binary output of sessions without a terminal is kept and not only counted.
    pub keep_binary: bool,
    /// How exec and attach are watched.
    pub mode: SessionMode,
}

impl ClusterAllow {
    pub(super) fn read(field: &Field<'_>) -> Read<Self> {
        field.table("a mapping with the keys clusters and capabilities", |allow| {
            let clusters = allow.required("clusters", TargetSelector::read);
            let groups = allow
                .present("groups", |groups| {
                    groups.list("a list of groups such as [view]", |group| group.name("a group name"))
                })
                .transpose();
            let capabilities = allow.required("capabilities", |capabilities| {
                capabilities.list("a list of capabilities such as [api, exec]", word)
            });
            let duties = [("required", RecordingDuty::Required), ("best-effort", RecordingDuty::BestEffort)];
            Ok(Self {
                at: field.at(),
                recording: allow.or("recording", RecordingDuty::Required, |f| f.choice(&duties)),
                keep_binary: allow.or("keep_binary", false, Field::boolean),
                mode: allow.or("mode", SessionMode::default(), |mode| mode.choice(&SessionMode::WORDS)),
                clusters: clusters?,
                groups: groups?,
                capabilities: capabilities?,
            })
        })
    }
}
