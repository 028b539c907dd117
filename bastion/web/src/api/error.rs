//! [`ApiError`]: why a request got no answer, as problem details (RFC 9457).
//!
//! `detail` is written for the person and says what to do next. What went wrong
//! inside is logged under an incident number, and only the number is told.

use std::fmt::Display;

use api::problem::Problem;
use axum::{
    Json,
    http::Uri,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Method, StatusCode, header};
use identity::{
    kube_credential::IssueCredentialError,
    login::{LoginError, Outcome},
};
use ledger::{audit::log::Unwritten, store::StoreError};
use recorder::RecordError;
use uuid::Uuid;

/// Why a request got no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ApiError {
    /// The request does not read; says what is wrong with it.
    BadRequest(String),
    /// It does not fit how things stand now; says how that is.
    Conflict(String),
    /// A changing request was not made by the console itself.
    Csrf,
    /// Logged in, but not allowed; says what would be needed.
    Forbidden(String),
    /// Our fault; logged under this incident number.
    Internal(Uuid),
    /// No login, or it has ended.
    NotLoggedIn,
    /// There is no such thing, or not for this person.
    NotFound(String),
    /// The body is larger than the limit.
    TooLarge,
    /// Slow down.
    TooManyRequests,
    /// The answer took too long.
    TimedOut,
    /// Something that the bastion needs does not answer.
    Unavailable(String),
    /// The body is not JSON.
    UnsupportedMediaType,
    /// The range starts behind the end, which is at this byte.
    RangeNotSatisfiable(u64),
}

impl ApiError {
    /// Logs what went wrong inside and keeps a number for it.
    pub(crate) fn internal(error: impl Display) -> Self {
        let incident = Uuid::now_v7();
        tracing::error!(%incident, %error, "request failed");
        Self::Internal(incident)
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Csrf | Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NotLoggedIn => StatusCode::UNAUTHORIZED,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::TimedOut | Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RangeNotSatisfiable(_) => StatusCode::RANGE_NOT_SATISFIABLE,
        }
    }

    fn detail(self) -> String {
        match self {
            Self::BadRequest(detail)
            | Self::Conflict(detail)
            | Self::Forbidden(detail)
            | Self::NotFound(detail)
            | Self::Unavailable(detail) => detail,
            Self::Csrf => "the request was not made by the console; reload the page and try again".into(),
            Self::Internal(incident) => {
                format!("something went wrong in the bastion; tell the operator the incident number {incident}")
            }
            Self::NotLoggedIn => "you are not logged in, or your login has ended; run \"bastion login\"".into(),
            Self::TooLarge => "the request is too large; send at most 64 KiB".into(),
            Self::TooManyRequests => "too many logins were begun from your address; wait a minute".into(),
            Self::TimedOut => "the bastion took too long to answer; try again in a moment".into(),
            Self::UnsupportedMediaType => "send JSON, with the header \"Content-Type: application/json\"".into(),
            Self::RangeNotSatisfiable(len) => format!("the recording has {len} bytes; ask for a range within it"),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        let extra = match &self {
            Self::NotLoggedIn => Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            Self::TooManyRequests => Some((header::RETRY_AFTER, HeaderValue::from_static("60"))),
            Self::TimedOut | Self::Unavailable(_) => Some((header::RETRY_AFTER, HeaderValue::from_static("5"))),
            Self::RangeNotSatisfiable(len) => {
                HeaderValue::try_from(format!("bytes */{len}")).ok().map(|value| (header::CONTENT_RANGE, value))
            }
            Self::BadRequest(_)
            | Self::Conflict(_)
            | Self::Csrf
            | Self::Forbidden(_)
            | Self::Internal(_)
            | Self::NotFound(_)
            | Self::TooLarge
            | Self::UnsupportedMediaType => None,
        };
        problem(status, self.detail(), extra)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_)
            | StoreError::Deadline(_)
            | StoreError::Gone { .. }
            | StoreError::NotHeld { .. } => {
                tracing::error!(%error, "request failed");
                Self::Unavailable("the bastion's database does not answer; try again in a moment".into())
            }
            StoreError::Connect { .. }
            | StoreError::Corrupt { .. }
            | StoreError::HalfCopied { .. }
            | StoreError::Migrate(_)
            | StoreError::Open { .. }
            | StoreError::OtherKeys { .. }
            | StoreError::Taken { .. }
            | StoreError::TooOld { .. } => Self::internal(error),
        }
    }
}

impl From<Unwritten> for ApiError {
    fn from(error: Unwritten) -> Self {
        match error {
            Unwritten::Behind(_) => {
                tracing::error!(%error, "request failed");
                Self::Unavailable("the audit log cannot be written right now; try again in a moment".into())
            }
            Unwritten::Store(error) => error.into(),
        }
    }
}

impl From<LoginError> for ApiError {
    fn from(error: LoginError) -> Self {
        match (error.outcome(), error) {
            (_, LoginError::Ended) => Self::NotLoggedIn,
            (_, LoginError::Store(error)) => error.into(),
            (Outcome::Refused, error @ LoginError::Oidc(_)) => Self::Forbidden(error.to_string()),
            (Outcome::Refused, error) => Self::BadRequest(error.to_string()),
            (Outcome::Unavailable, error) => {
                tracing::warn!(%error, "login failed");
                Self::Unavailable(error.to_string())
            }
            (Outcome::Internal, error) => Self::internal(error),
        }
    }
}

impl From<IssueCredentialError> for ApiError {
    fn from(error: IssueCredentialError) -> Self {
        match error {
            IssueCredentialError::Ended => Self::NotLoggedIn,
            IssueCredentialError::Key(error) => Self::BadRequest(error.to_string()),
            IssueCredentialError::Issue(_) | IssueCredentialError::Random(_) => Self::internal(error),
            IssueCredentialError::Store(error) => error.into(),
        }
    }
}

impl From<RecordError> for ApiError {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::NotFound(_) => Self::NotFound("this session has no recording".into()),
            RecordError::Storage { .. } => {
                tracing::error!(%error, "recording not readable");
                Self::Unavailable("the recording cannot be read right now; try again in a moment".into())
            }
            RecordError::AlreadyStarted(_)
            | RecordError::Conflict { .. }
            | RecordError::Damaged { .. }
            | RecordError::DiskFull { .. }
            | RecordError::Finished
            | RecordError::Overrun
            | RecordError::Spool { .. }
            | RecordError::SpoolFull { .. } => Self::internal(error),
        }
    }
}

/// For addresses under `/api/v1` that are not in the table.
pub(crate) async fn unknown_route(uri: Uri) -> ApiError {
    let path: String = uri.path().chars().take(200).collect();
    ApiError::NotFound(format!("there is no {path:?} in this API; see /api/v1/openapi.json"))
}

/// For methods that a route does not have.
pub(super) async fn wrong_method(method: Method) -> Response {
    let detail = format!("this address does not answer {method}; see /api/v1/openapi.json");
    problem(StatusCode::METHOD_NOT_ALLOWED, detail, None)
}

fn problem(status: StatusCode, detail: String, extra: Option<(header::HeaderName, HeaderValue)>) -> Response {
    let title = status.canonical_reason().unwrap_or_default().to_owned();
    let body = Problem { kind: "about:blank".to_owned(), title, status: status.as_u16(), detail };
    let mut response = (status, Json(body)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response.headers_mut().extend(extra);
    response
}
