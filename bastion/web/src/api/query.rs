//! What comes in and goes out in the same way on every route: JSON bodies, query strings, pages.

use std::str::FromStr;

use api::page::Page;
use axum::extract::{
    FromRequest, FromRequestParts, Json, Query, Request,
    rejection::{JsonRejection, QueryRejection},
};
use http::{StatusCode, request::Parts};
use ledger::store::Listing;
use serde::de::DeserializeOwned;

use super::error::ApiError;

/// A page out of one item more than was asked for, if there is one more.
pub(super) fn page<R, T>(
    rows: impl Into<Listing<R>>,
    limit: u32,
    cursor: impl Fn(&R) -> String,
    item: impl Fn(R) -> T,
) -> Page<T> {
    let Listing { mut rows, unreadable } = rows.into();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() + unreadable.len() > limit;
    if more {
        // Among unreadable ones it may not be the last of them all. It comes on the next page then, as some of them.
        rows.pop();
    }
    let last = || rows.last().map(cursor).or_else(|| unreadable.last().map(|row| row.id.clone()));
    let next = if more { last() } else { None };
    Page { items: rows.into_iter().map(item).collect(), next, unreadable }
}

/// How many items a page has: as asked for, within bounds.
pub(super) fn page_size(limit: Option<u32>) -> Result<u32, ApiError> {
    match limit {
        None => Ok(DEFAULT_PAGE),
        Some(limit @ 1..=MAX_PAGE) => Ok(limit),
        Some(limit) => Err(ApiError::BadRequest(format!("limit={limit} is not between 1 and {MAX_PAGE}"))),
    }
}

/// A value of the query string that has a form of its own.
pub(super) fn parsed<T: FromStr<Err: std::fmt::Display>>(
    name: &str,
    value: Option<&str>,
) -> Result<Option<T>, ApiError> {
    value
        .filter(|value| !value.is_empty())
        .map(|value| value.parse().map_err(|error| ApiError::BadRequest(format!("{name}: {error}"))))
        .transpose()
}

/// A JSON body.
pub(crate) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match Json::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(JsonRejection::MissingJsonContentType(_)) => Err(ApiError::UnsupportedMediaType),
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(ApiError::TooLarge),
            Err(rejection) => Err(ApiError::BadRequest(rejection.body_text())),
        }
    }
}

/// A query string.
pub(crate) struct Filter<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Filter<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let rejected = |rejection: QueryRejection| ApiError::BadRequest(rejection.body_text());
        Query::from_request_parts(parts, state).await.map(|Query(filter)| Self(filter)).map_err(rejected)
    }
}

const DEFAULT_PAGE: u32 = 50;

/// Keeps one answer small and one query short.
const MAX_PAGE: u32 = 200;
