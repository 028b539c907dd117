//! Rule documents to roles: what the words mean, and which roles can never apply.

use std::collections::{BTreeMap, BTreeSet};

use config::{Located, Location, RuleDoc, rules, rules::Approvers, suggestion};

use super::grant::{Extent, Grant, Role, Targets, Terms};
use crate::{
    capability::Capability,
    error::{CompileError, CompileReason, Named},
    glob::Glob,
};

/// Compiles all roles of all documents; `errors` gets everything that is wrong.
pub(super) fn roles(
    documents: &[RuleDoc],
    default_approvers: Option<&Approvers>,
    errors: &mut Vec<CompileError>,
) -> Vec<Role> {
    let written = || documents.iter().flat_map(|document| document.roles.iter().map(move |role| (document, role)));
    let mut roles = Vec::new();
    let mut places = BTreeMap::new();
    for (document, written) in written() {
        let mut report = report(document, written, errors);
        let place = format!("{}:{}", document.file, written.name.at);
        if let Some(first) = places.get(&written.name.value) {
            report(written.name.at, CompileReason::DuplicateRole { first: String::clone(first) });
        } else {
            places.insert(written.name.value.clone(), place);
        }
        roles.push(role(written, default_approvers, &mut report));
    }
    // What is wrong with an entry for hosts is said before what is wrong with any for clusters.
    for (role, (document, written)) in roles.iter_mut().zip(written()) {
        role.grants.extend(cluster_grants(written, default_approvers, &mut report(document, written, errors)));
    }
    roles
}

fn report<'e>(
    document: &'e RuleDoc,
    role: &'e rules::Role,
    errors: &'e mut Vec<CompileError>,
) -> impl FnMut(Location, CompileReason) + 'e {
    move |at, reason| {
        let (file, of) = (document.file.clone(), Named::Role(role.name.value.clone()));
        errors.push(CompileError { file, at, of, reason });
    }
}

/// Who may approve where nothing else says so: given once in all documents.
pub(super) fn default_approvers(documents: &[RuleDoc], errors: &mut Vec<CompileError>) -> Option<Approvers> {
    let written =
        |document: &RuleDoc| document.approvals.clone().map(|Located { value, at }| (document.file.clone(), at, value));
    let mut all = documents.iter().filter_map(written);
    let (file, at, approvers) = all.next()?;
    let first = format!("{file}:{at}");
    errors.extend(all.map(|(file, at, _)| CompileError {
        file,
        at,
        of: Named::Approvals,
        reason: CompileReason::DuplicateApprovals { first: first.clone() },
    }));
    Some(approvers)
}

fn role(
    written: &rules::Role,
    default_approvers: Option<&Approvers>,
    report: &mut impl FnMut(Location, CompileReason),
) -> Role {
    let at = written.name.at;
    if written.groups.is_empty() && written.users.is_empty() {
        report(at, CompileReason::NoMembers);
    }
    if written.allow.is_empty()
        && written.clusters.is_empty()
        && written.request.is_empty()
        && written.cluster_requests.is_empty()
        && written.console.is_empty()
    {
        report(at, CompileReason::NothingAllowed);
    }
    Role {
        name: written.name.value.clone(),
        groups: written.groups.clone(),
        users: written.users.clone(),
        grants: host_grants(written, default_approvers, report),
        console: written.console.clone(),
    }
}

fn host_grants(
    written: &rules::Role,
    default_approvers: Option<&Approvers>,
    report: &mut impl FnMut(Location, CompileReason),
) -> Vec<Grant> {
    let mut grants = Vec::new();
    for allow in &written.allow {
        grants.push(host_grant(allow, standing(allow.approval.as_ref()), report));
    }
    for rules::Request { allow, approvers, max } in &written.request {
        match approvers.as_ref().or(default_approvers).cloned() {
            Some(approvers) => grants.push(host_grant(allow, Terms::Request { approvers, max: *max }, report)),
            None => report(allow.at, CompileReason::NoApprovers),
        }
    }
    grants
}

fn cluster_grants(
    written: &rules::Role,
    default_approvers: Option<&Approvers>,
    report: &mut impl FnMut(Location, CompileReason),
) -> Vec<Grant> {
    let mut grants = Vec::new();
    for allow in &written.clusters {
        grants.push(cluster_grant(allow, standing(allow.approval.as_ref()), report));
    }
    for rules::ClusterRequest { allow, approvers, max } in &written.cluster_requests {
        match approvers.as_ref().or(default_approvers).cloned() {
            Some(approvers) => grants.push(cluster_grant(allow, Terms::Request { approvers, max: *max }, report)),
            None => report(allow.at, CompileReason::NoApprovers),
        }
    }
    grants
}

fn standing(approval: Option<&Approvers>) -> Terms {
    approval.cloned().map_or(Terms::Free, Terms::Approval)
}

fn host_grant(written: &rules::Allow, terms: Terms, report: &mut impl FnMut(Location, CompileReason)) -> Grant {
    if written.logins.is_empty() {
        report(written.at, CompileReason::NoLogins);
    }
    if written.capabilities.is_empty() {
        report(written.at, CompileReason::NoCapabilities(&Capability::HOST));
    }
    Grant {
        targets: targets(&written.targets, &mut *report),
        extent: Extent::Hosts { logins: written.logins.clone() },
        capabilities: capabilities(&written.capabilities, (&Capability::HOST, "there are"), report),
        obligations: written.obligations.clone(),
        terms,
    }
}

fn cluster_grant(
    written: &rules::ClusterAllow,
    terms: Terms,
    report: &mut impl FnMut(Location, CompileReason),
) -> Grant {
    if written.capabilities.is_empty() {
        report(written.at, CompileReason::NoCapabilities(&Capability::CLUSTER));
    }
    let targets = targets(&written.clusters, &mut *report);
    let known = (&Capability::CLUSTER[..], "on clusters there are");
    let capabilities = capabilities(&written.capabilities, known, report);
    if matches!(terms, Terms::Approval(_)) && capabilities.contains(&Capability::Api) {
        report(written.at, CompileReason::ApprovalOfApi);
    }
    if written.ports.is_some() && !capabilities.contains(&Capability::PortForward) {
        report(written.at, CompileReason::PortsOfNothing);
    }
    let ports = written.ports.clone().unwrap_or_default();
    let extent = Extent::Clusters { groups: written.groups.clone(), ports };
    Grant { targets, extent, capabilities, obligations: written.obligations.clone(), terms }
}

/// A target selector; globs that can match nothing are reported.
pub(super) fn targets(written: &rules::TargetSelector, mut report: impl FnMut(Location, CompileReason)) -> Targets {
    let mut names = Vec::new();
    for Located { value, at } in &written.names {
        match Glob::parse(value) {
            Some(glob) => names.push(glob),
            None => report(*at, CompileReason::BadGlob { glob: value.clone() }),
        }
    }
    Targets { names, labels: written.labels.clone() }
}

/// Those of `written` that are `known`; of the others it is reported which there are.
fn capabilities(
    written: &[Located<String>],
    (known, there_are): (&[Capability], &str),
    report: &mut impl FnMut(Location, CompileReason),
) -> BTreeSet<Capability> {
    let mut capabilities = BTreeSet::new();
    for Located { value: word, at } in written {
        match known.iter().find(|capability| capability.as_str() == word) {
            Some(capability) => {
                capabilities.insert(*capability);
            }
            None => {
                let hint = match suggestion::nearest(word, known.iter().map(|capability| capability.as_str())) {
                    Some(near) => format!("did you mean {near:?}?"),
                    None => format!("{there_are}: {}", Capability::listed(known)),
                };
                report(*at, CompileReason::UnknownCapability { word: word.clone(), hint });
            }
        }
    }
    capabilities
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(files: &[(&str, &str)]) -> Vec<String> {
        let documents: Vec<_> = files.iter().map(|(file, text)| RuleDoc::parse(text, file).unwrap()).collect();
        let compiled = crate::RuleSet::compile(&documents);
        compiled.map_or_else(|errors| errors.iter().map(ToString::to_string).collect(), |_| Vec::new())
    }

    #[test]
    fn each_mistake_is_named_with_its_place() {
        let text = "\
roles:
  a:
    groups: [x]
    allow:
      - targets: { names: [web 1, 'db[12]'] }
        logins: []
        capabilities: [shel, telnet]
      - targets: { labels: { env: dev } }
        logins: [root]
        capabilities: []
  b: { allow: [] }
";
        assert_eq!(
            errors(&[("rules.yaml", text)]),
            [
                "rules.yaml:5:9: roles.a: grants no login; name some, or \"*\" for any, or \"{user}\" for the user's own name",
                "rules.yaml:5:28: roles.a: the target name \"web 1\" matches nothing: a target name has letters, digits, '.', '-' and '_' only (and `*` or `?` stand for any of them)",
                "rules.yaml:5:35: roles.a: the target name \"db[12]\" matches nothing: a target name has letters, digits, '.', '-' and '_' only (and `*` or `?` stand for any of them)",
                "rules.yaml:7:24: roles.a: unknown capability \"shel\"; did you mean \"shell\"?",
                "rules.yaml:7:30: roles.a: unknown capability \"telnet\"; there are: agent-forward, exec, local-forward, pty, remote-forward, sftp, shell, streamlocal-forward, x11-forward",
                "rules.yaml:8:9: roles.a: grants no capability; name some of: agent-forward, exec, local-forward, pty, remote-forward, sftp, shell, streamlocal-forward, x11-forward",
                "rules.yaml:11:3: roles.b: nobody can have this role; name groups or users",
                "rules.yaml:11:3: roles.b: this role allows nothing; give it allow or console",
            ]
        );
    }

    #[test]
    fn a_role_name_is_given_once_in_all_files() {
        let text = "roles: { a: { groups: [x], console: [audit] } }";
        assert_eq!(
            errors(&[("one.yaml", text), ("two.yaml", text)]),
            ["two.yaml:1:10: roles.a: there is already a role of this name at one.yaml:1:10"]
        );
    }

    #[test]
    fn somebody_must_be_able_to_approve() {
        let role = |rest: &str| {
            format!(
                "roles: {{ a: {{ groups: [x], request: [{{ targets: {{ names: [y] }}, logins: [z], capabilities: [shell]{rest} }}] }} }}\n"
            )
        };
        assert_eq!(
            errors(&[("rules.yaml", &role(""))]),
            ["rules.yaml:1:38: roles.a: nobody could approve this; give it approvers, or the file approvals"]
        );
        assert_eq!(errors(&[("rules.yaml", &role(", approvers: { groups: [sre] }"))]), Vec::<String>::new());
        let default = "approvals: { groups: [sre] }\n";
        assert_eq!(errors(&[("rules.yaml", &(role("") + default))]), Vec::<String>::new());
        let other = format!("roles: {{ b: {{ groups: [x], console: [audit] }} }}\n{default}");
        assert_eq!(
            errors(&[("one.yaml", &(role("") + default)), ("two.yaml", &other)]),
            ["two.yaml:2:12: approvals: the approvers are given at one.yaml:2:12 already; give them once in all files"]
        );
    }

    #[test]
    fn the_example_compiles() {
        assert_eq!(errors(&[("rules.yaml", include_str!("../../../config/rules.example.yaml"))]), Vec::<String>::new());
    }
}
