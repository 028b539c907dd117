//! The description of the API that tools read (OpenAPI 3.1). `openapi.json` is what a test compares it with.

use axum::Json;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        OpenApi as Document,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::{api, cookie};

/// The routes of the API.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "bastion",
        description = "Errors are problem details (RFC 9457): 401 not logged in, 403 not allowed, 404 also for \
                       sessions and requests that one may not see, 409 decided already. Requests of the console that change something carry the header \
                       X-Bastion-CSRF with the value that /api/v1/whoami gives.",
    ),
    paths(
        api::info::info,
        api::login::begin,
        api::login::finish,
        api::login::begin_device,
        api::login::poll_device,
        api::login::end,
        api::login::whoami,
        api::certificates::issue_ssh,
        api::kube::issue_x509,
        api::kube::issue_token,
        api::kube::list,
        api::targets::list,
        api::sessions::list,
        api::sessions::show,
        api::recordings::read,
        api::approvals::list,
        api::approvals::show,
        api::approvals::approve,
        api::approvals::deny,
        api::approvals::cancel,
        api::access::request,
        api::access::list,
        api::audit::list,
        api::names::list,
        api::names::release,
    ),
    security(("token" = []), ("cookie" = [])),
    modifiers(&SecuritySchemes)
)]
struct ApiDescription;

struct SecuritySchemes;

impl Modify for SecuritySchemes {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        let token = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(cookie::LOGIN)));
        components.add_security_scheme("token", token);
        components.add_security_scheme("cookie", cookie);
    }
}

/// Serves it.
pub(super) async fn document() -> Json<Document> {
    Json(ApiDescription::openapi())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_the_one_that_was_reviewed() {
        let now = serde_json::to_string_pretty(&ApiDescription::openapi()).unwrap() + "\n";
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/src/openapi.json");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(golden, &now).unwrap();
        }
        let operations = now.lines().filter(|line| line.contains("\"operationId\"")).collect::<Vec<_>>();
        let unique: std::collections::BTreeSet<_> = operations.iter().collect();
        assert_eq!(unique.len(), operations.len(), "generators of clients need names that differ");
        let reviewed = std::fs::read_to_string(golden).unwrap_or_default();
        assert!(now == reviewed, "the API changed; look at the difference after UPDATE_GOLDEN=1 cargo test -p bastion");
    }

    #[test]
    fn whatever_is_referred_to_is_there() {
        let document = serde_json::to_value(ApiDescription::openapi()).unwrap();
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let path = reference.split('"').next().unwrap();
            assert!(document.pointer(path).is_some(), "{path} is not in the description: generators stop there");
        }
    }
}
