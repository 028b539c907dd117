//! Refusals in the form that `kubectl` and client libraries show to people: `metav1.Status`.

use api::refusal::{self, ReasonCode};
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use serde_json::json;

use super::body::Body;

/// Why the bastion itself answers a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// What the person reads: what is wrong, and what to do.
    pub message: String,
    /// The rule that decided.
    pub rule: Option<String>,
    /// What said no; nothing where the request cannot be read.
    pub code: Option<ReasonCode>,
}

/// A refusal as it goes over the wire, ours or the cluster's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The HTTP status.
    pub status: StatusCode,
    /// What the body is.
    pub content_type: Option<HeaderValue>,
    /// The body.
    pub body: Bytes,
    /// What said no, where that was the bastion.
    pub code: Option<ReasonCode>,
}

impl Refusal {
    /// A refusal with this status.
    #[must_use]
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), rule: None, code: None }
    }

    /// The same, decided by this rule.
    #[must_use]
    pub fn by_rule(mut self, rule: Option<String>) -> Self {
        self.rule = rule;
        self
    }

    /// The same, with what said no. Its status stays what the protocol asks for.
    #[must_use]
    pub fn for_reason(self, code: ReasonCode) -> Self {
        Self { code: Some(code), ..self }
    }

    /// The answer. Its message begins with `bastion:`, so that nobody looks for the reason in the cluster.
    #[must_use]
    pub fn response(&self) -> Response<Body> {
        self.told().response()
    }

    /// The same, as it can be said twice.
    #[must_use]
    pub fn told(&self) -> Told {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": format!("bastion: {}", self.message),
            "reason": reason(self.status),
            "code": self.status.as_u16(),
        });
        if let (Some(code), Some(fields)) = (self.code, status.as_object_mut()) {
            let causes = json!([{ "reason": code, "message": self.message }]);
            fields.insert("details".to_owned(), json!({ "causes": causes }));
        }
        Told {
            code: self.code,
            status: self.status,
            content_type: Some(HeaderValue::from_static("application/json")),
            body: status.to_string().into(),
        }
    }

    /// The same as text: where a path names no resource, kubectl shows nothing of a Status but `unknown`.
    #[must_use]
    pub fn told_in_text(&self) -> Told {
        Told {
            code: self.code,
            status: self.status,
            content_type: Some(HeaderValue::from_static("text/plain; charset=utf-8")),
            body: format!("bastion: {}\n", self.message).into(),
        }
    }
}

impl From<refusal::Refusal> for Refusal {
    fn from(refusal: refusal::Refusal) -> Self {
        let refusal::Refusal { reason, rule, message, approval: _ } = refusal;
        Self { code: Some(reason), ..Self::new(status(reason), message).by_rule(rule.map(String::from)) }
    }
}

/// What HTTP says of it: whether to log in, to ask somebody, or to try again.
fn status(reason: ReasonCode) -> StatusCode {
    match reason {
        ReasonCode::LimitReached => StatusCode::TOO_MANY_REQUESTS,
        ReasonCode::LoginEnded => StatusCode::UNAUTHORIZED,
        ReasonCode::ApprovalCannotBeAsked
        | ReasonCode::ApprovalCancelled
        | ReasonCode::ApprovalDenied
        | ReasonCode::ApprovalExpired
        | ReasonCode::CommandBlocked
        | ReasonCode::InputNotJudged
        | ReasonCode::NotAllowed
        | ReasonCode::RequestBlocked
        | ReasonCode::RulesChanged => StatusCode::FORBIDDEN,
        ReasonCode::AuditUnavailable | ReasonCode::RecordingUnavailable | ReasonCode::Stopping => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        ReasonCode::TargetUnavailable => StatusCode::BAD_GATEWAY,
        ReasonCode::Unsupported => StatusCode::BAD_REQUEST,
    }
}

impl Told {
    /// The answer.
    #[must_use]
    pub fn response(&self) -> Response<Body> {
        let body = Full::new(self.body.clone()).map_err(|never| match never {}).boxed_unsync();
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        if let Some(content_type) = &self.content_type {
            response.headers_mut().insert(header::CONTENT_TYPE, content_type.clone());
        }
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    /// What a person reads of it.
    #[must_use]
    pub fn message(&self) -> String {
        let status: Option<serde_json::Value> = serde_json::from_slice(&self.body).ok();
        let message = status.as_ref().and_then(|status| status["message"].as_str()).unwrap_or_default();
        if message.is_empty() { self.status.to_string() } else { mask::visible(message.as_bytes()) }
    }
}

/// The words of `metav1.StatusReason` for an HTTP status; client libraries branch on them.
fn reason(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST | StatusCode::MISDIRECTED_REQUEST => "BadRequest",
        StatusCode::UNAUTHORIZED => "Unauthorized",
        StatusCode::FORBIDDEN => "Forbidden",
        StatusCode::NOT_FOUND => "NotFound",
        StatusCode::METHOD_NOT_ALLOWED => "MethodNotAllowed",
        StatusCode::GATEWAY_TIMEOUT => "Timeout",
        StatusCode::TOO_MANY_REQUESTS => "TooManyRequests",
        StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailable",
        _ => "InternalError",
    }
}
