//! The built console, embedded in the program, and the addresses of its pages.
//!
//! Where it was not built (a plain `cargo test`), a page says how to build it.

use api::id::ApprovalId;
use axum::{
    Router,
    extract::{Path, Request},
    response::{IntoResponse as _, Response},
    routing,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use recorder::SessionId;
use rust_embed::{EmbeddedFile, RustEmbed};
use tower_http::compression::CompressionLayer;

use super::{page, state::WebState};

/// What Vite made of `bastion/console`.
#[derive(RustEmbed)]
#[folder = "../console/dist"]
#[allow_missing = true]
struct Console;

pub(super) fn router() -> Router<WebState> {
    Router::new()
        .route("/assets/{*file}", routing::get(hashed))
        .fallback(routing::get(other))
        .layer(CompressionLayer::new())
}

/// Whether an address is a page of the console.
pub(super) fn console_page(path: &str) -> bool {
    match path {
        "/" | "/approvals" | "/audit" | "/sessions" | "/targets" => true,
        _ => {
            path.strip_prefix("/sessions/").is_some_and(|id| id.parse::<SessionId>().is_ok())
                || path.strip_prefix("/approvals/").is_some_and(|id| id.parse::<ApprovalId>().is_ok())
        }
    }
}

/// A file whose name holds a hash of its content: it never changes.
async fn hashed(Path(file): Path<String>, headers: HeaderMap) -> Response {
    match Console::get(&format!("assets/{file}")) {
        Some(asset) => serve(&file, asset, "public, max-age=31536000, immutable", &headers),
        None => not_found(),
    }
}

/// Every page of the console is the same document; its script shows what the address names.
async fn other(request: Request) -> Response {
    let path = request.uri().path();
    let file = if console_page(path) { "index.html" } else { path.trim_start_matches('/') };
    match Console::get(file) {
        Some(asset) => serve(file, asset, "no-cache", request.headers()),
        None if file == "index.html" => not_built(),
        None => not_found(),
    }
}

fn serve(name: &str, asset: EmbeddedFile, cache: &'static str, asked: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", data_encoding::HEXLOWER.encode(&asset.metadata.sha256_hash()));
    let tag = HeaderValue::try_from(tag).ok();
    let mut response = if tag.is_some() && asked.get(header::IF_NONE_MATCH) == tag.as_ref() {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        asset.data.into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type(name));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.extend(tag.map(|tag| (header::ETAG, tag)));
    response
}

fn content_type(name: &str) -> HeaderValue {
    HeaderValue::from_static(match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("png") => "image/png",
        Some("svg") => "image/svg+xml",
        Some("txt") => "text/plain; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    })
}

fn not_built() -> Response {
    let text = "The console is not part of this program: run \"make build\" and start that one. The API works.";
    page::message(StatusCode::NOT_FOUND, "The console was not built", text, ("/api/v1/info", "About this bastion"))
}

fn not_found() -> Response {
    page::message(StatusCode::NOT_FOUND, "No such page", "There is nothing at this address.", ("/", "To the console"))
}
