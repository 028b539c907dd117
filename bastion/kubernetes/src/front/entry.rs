//! What the audit log gets of a request.

use http::Method;
use ledger::audit::KubeRequestEvent;
use wire::request_info::{RequestInfo, ResourceRequest};

use super::decision::KnownRequest;

/// The event of a request, before it is known what becomes of it.
pub(super) fn event(asking: &KnownRequest<'_>, method: &Method, info: Option<&RequestInfo>) -> KubeRequestEvent {
    let resource = info.and_then(|info| info.resource.clone());
    let path = resource.is_none().then(|| shown(asking.path));
    let ResourceRequest { group, resource, subresource, namespace, name, .. } = resource.unwrap_or_default();
    KubeRequestEvent {
        user: asking.login.subject().name.clone(),
        cluster: asking.cluster.settings.name.clone(),
        verb: info.map_or_else(|| method.as_str().to_ascii_lowercase(), |info| info.verb.to_owned()),
        group: shown(&group),
        resource: shown(&resource),
        subresource: shown(&subresource),
        namespace: shown(&namespace),
        name: shown(&name),
        path,
        status: None,
        latency_ms: 0,
        bytes_in: 0,
        bytes_out: 0,
        rule: None,
        refused: None,
        code: None,
        ended: None,
        source: asking.peer.address.to_string(),
    }
}

/// The beginning of a user's words.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN_CHARS).collect()
}

/// Names in Kubernetes have at most 253 characters.
const MAX_SHOWN_CHARS: usize = 253;
