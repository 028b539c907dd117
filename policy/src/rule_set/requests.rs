//! Rules on requests to Kubernetes API servers: compiled here, judged here.
//!
//! A request that names no object (a list, a watch, `deletecollection`) concerns all of them, and one without a
//! namespace all namespaces: what a rule forbids for one it forbids for these too. A rule that allows must match
//! what the request says.

use std::time::SystemTime;

use config::{
    Located, Location, RuleName,
    rules::{self, CommandRule, PortRange, RuleEffect},
};

use super::RuleSet;
use crate::{
    access::{Resource, Subject},
    error::CompileReason,
    kube::{CONNECT, KubeObject, KubePort, KubeRequest},
    rule::{Rule, pattern::Pattern},
    verdict::{Input, Verdict},
};

/// What a request must look like. Parts that are empty match all.
#[derive(Debug, Clone)]
pub(super) struct RequestMatcher {
    verbs: Vec<Pattern>,
    groups: Vec<Pattern>,
    resources: Vec<Pattern>,
    subresources: Vec<Pattern>,
    namespaces: Vec<Pattern>,
    names: Vec<Pattern>,
    ports: Vec<PortRange>,
}

impl RuleSet {
    /// Judges a request of `who` to the cluster `what`: the strictest effect of the rules that match it, and among
    /// equals the first in the order of the files. What no rule matches goes on; whether the cluster's own
    /// authorization allows it is another matter.
    pub fn judge_request(
        &self,
        who: &Subject,
        what: Resource<'_>,
        request: &KubeRequest<'_>,
        now: SystemTime,
    ) -> Verdict {
        let mut decisive: Option<&Rule<RequestMatcher>> = None;
        for rule in &self.requests {
            if rule.applies(who, what, what.protocol(), now)
                && rule.matcher.matches(request, rule.effect)
                && decisive.is_none_or(|other| rule.effect > other.effect)
            {
                decisive = Some(rule);
            }
        }
        let effect = decisive.map_or(RuleEffect::Allow, |rule| rule.effect);
        let because = decisive.map(|_| request.to_string()).unwrap_or_default();
        let made_up = |name: &RuleName| match effect {
            RuleEffect::Allow => String::new(),
            RuleEffect::Approve => format!("needs approval by rule {name}: {because}"),
            RuleEffect::Block => format!("blocked by rule {name}: {because}"),
        };
        let message = decisive.map(|rule| {
            let own = rule.message.clone().filter(|_| effect != RuleEffect::Allow);
            own.unwrap_or_else(|| made_up(&rule.name))
        });
        let approvers = decisive.and_then(|rule| rule.approvers.as_ref()).or(self.approvers.as_ref());
        Verdict {
            effect,
            rule: decisive.map(|rule| rule.name.clone()),
            opaque: false,
            message: message.unwrap_or_default(),
            because,
            commands: Vec::new(),
            stdin_is_code: false,
            input: Input::Data,
            approvers: approvers.filter(|_| effect == RuleEffect::Approve).cloned(),
        }
    }
}

impl RequestMatcher {
    fn matches(&self, request: &KubeRequest<'_>, effect: RuleEffect) -> bool {
        if !self.verb(request, effect) || !self.port(request.port, effect) {
            return false;
        }
        let Some(object) = &request.object else {
            let about_objects = [&self.groups, &self.resources, &self.subresources, &self.namespaces, &self.names];
            return about_objects.into_iter().all(Vec::is_empty);
        };
        let strict = effect != RuleEffect::Allow;
        any_or_all(&self.groups, object.group)
            && any_or_all(&self.resources, object.resource)
            && any_or_all(&self.subresources, object.subresource)
            && (any_or_all(&self.names, object.name) || (strict && object.name.is_empty()))
            && (any_or_all(&self.namespaces, object.namespace)
                || (strict && is_in_all_namespaces(request.verb, object)))
    }

    fn port(&self, port: KubePort, effect: RuleEffect) -> bool {
        match port {
            _ if self.ports.is_empty() => true,
            KubePort::None => false,
            KubePort::Number(port) => self.ports.iter().any(|range| range.contains(port)),
            KubePort::Unknown => effect != RuleEffect::Allow,
        }
    }

    /// A connection may have come as any verb, so a rule that forbids one of the usual forbids it.
    fn verb(&self, request: &KubeRequest<'_>, effect: RuleEffect) -> bool {
        let verb = request.rule_verb();
        any_or_all(&self.verbs, verb)
            || (verb == CONNECT
                && effect != RuleEffect::Allow
                && ["get", "create"].into_iter().any(|usual| any_or_all(&self.verbs, usual)))
    }
}

fn any_or_all(globs: &[Pattern], text: &str) -> bool {
    globs.is_empty() || globs.iter().any(|glob| glob.matches_text(text))
}

/// Whether the objects of a request without a namespace may lie in any. An object by its name, or a new one, that has
/// no namespace in its path lies in none.
fn is_in_all_namespaces(verb: &str, object: &KubeObject<'_>) -> bool {
    object.namespace.is_empty()
        && object.name.is_empty()
        && verb != "create"
        && !IN_NO_NAMESPACE.contains(&(object.group, object.resource))
}

/// Resources of Kubernetes itself that lie in no namespace. Of others it cannot be known from the path.
const IN_NO_NAMESPACE: [(&str, &str); 16] = [
    ("", "componentstatuses"),
    ("", "namespaces"),
    ("", "nodes"),
    ("", "persistentvolumes"),
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    ("apiregistration.k8s.io", "apiservices"),
    ("certificates.k8s.io", "certificatesigningrequests"),
    ("metrics.k8s.io", "nodes"),
    ("networking.k8s.io", "ingressclasses"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("scheduling.k8s.io", "priorityclasses"),
    ("storage.k8s.io", "csidrivers"),
    ("storage.k8s.io", "storageclasses"),
];

/// Compiles what a rule matches; `report` gets what is wrong with it.
pub(super) fn matcher(
    written: &CommandRule,
    request: &rules::RequestMatch,
    report: &mut dyn FnMut(Location, CompileReason),
) -> RequestMatcher {
    let matches = &written.matches;
    let mut never = |at, why: &str| report(at, CompileReason::NeverFires(why.to_owned()));
    if matches.command.is_some() || matches.text.is_some() || matches.class.is_some() {
        never(matches.at, "request stands alone: it cannot be combined with command, text or class");
    }
    if !written.logins.is_empty() {
        never(written.name.at, "a request to a Kubernetes cluster has no login");
    }
    if written.protocol == Some(rules::Protocol::Ssh) {
        never(written.name.at, "over SSH there are no requests to Kubernetes clusters");
    }
    let parts = [
        &request.verbs,
        &request.groups,
        &request.resources,
        &request.subresources,
        &request.namespaces,
        &request.names,
    ];
    if !request.ports.is_empty() && written.effect == RuleEffect::Approve {
        let why = "a connection names its ports when it is open; have the connection approved \
                   ({ resources: [pods], subresources: [portforward] }), and block the ports that nobody may reach";
        never(request.at, why);
    }
    if parts.into_iter().all(Vec::is_empty) && request.ports.is_empty() {
        never(request.at, "says nothing about the request; name verbs, resources or others (any: verbs: [\"*\"])");
    }
    for word in parts.into_iter().flatten() {
        if word.value.contains('/') {
            never(word.at, "no part has a \"/\" in it; write { resources: [pods], subresources: [exec] }");
        } else if word.value.chars().any(|c| c.is_ascii_uppercase() || c.is_whitespace())
            && !request.names.contains(word)
        {
            never(word.at, "verbs, groups, resources and namespaces are in lower case and have no spaces");
        }
    }
    let globs = |words: &[Located<String>]| words.iter().map(|word| Pattern::word(&word.value)).collect();
    RequestMatcher {
        verbs: globs(&request.verbs),
        groups: globs(&request.groups),
        resources: globs(&request.resources),
        subresources: globs(&request.subresources),
        namespaces: globs(&request.namespaces),
        names: globs(&request.names),
        ports: request.ports.clone(),
    }
}

#[cfg(test)]
mod tests;
