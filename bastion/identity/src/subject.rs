//! [`Authenticated`]: a subject that was verified. Only this folder makes one.

use policy::Subject;

/// A subject whose login or certificate the bastion verified. Holding one is the proof; nobody else makes one:
///
/// ```compile_fail,E0423
/// fn forge(subject: policy::Subject) -> identity::Authenticated {
///     identity::Authenticated(subject)
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticated(Subject);

impl Authenticated {
    /// Called by the code in this folder that has just verified the subject.
    pub(crate) fn verified(subject: Subject) -> Self {
        Self(subject)
    }

    /// The verified subject.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.0
    }
}
