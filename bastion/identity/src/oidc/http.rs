//! HTTP towards the issuer: a deadline for every request, a limit for every answer, no redirects.

use std::sync::Arc;

use data_encoding::BASE64;
use reqwest::{Certificate, Client, RequestBuilder, Response, StatusCode, header, redirect};
use serde::de::DeserializeOwned;
use url::{Url, form_urlencoded};

use super::{
    error::OidcError,
    settings::{OidcSettings, is_secure},
};

/// How the bastion proves at the token endpoint which client it is (OpenID Connect Core §9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientAuthentication {
    /// `client_secret_basic`.
    Basic,
    /// `client_secret_post`.
    Post,
}

/// What came back from an endpoint that may refuse.
pub(crate) enum Body {
    /// Status 2xx.
    Success(Vec<u8>),
    /// Status 4xx.
    Refusal {
        /// The status.
        status: u16,
        /// The body.
        text: Vec<u8>,
    },
}

/// The HTTP client of one issuer.
#[derive(Clone)]
pub(crate) struct IssuerHttp {
    client: Client,
    settings: Arc<OidcSettings>,
}

impl IssuerHttp {
    pub(crate) fn new(settings: &OidcSettings) -> Result<Self, OidcError> {
        let failed = |reason: String| OidcError::Client { issuer: settings.issuer.to_string(), reason };
        let mut builder = Client::builder()
            .timeout(settings.request_timeout)
            .connect_timeout(settings.request_timeout)
            .user_agent(concat!("bastion/", env!("CARGO_PKG_VERSION")))
            // An endpoint is where the issuer's description says; a redirect would be somebody else's word.
            .redirect(redirect::Policy::none());
        let extra = match &settings.extra_ca_pem {
            Some(pem) => Certificate::from_pem_bundle(pem).map_err(|error| failed(error.to_string()))?,
            None => Vec::new(),
        };
        builder = match settings.issuer.is_loopback() {
            // Needs no proxy, and no certificates of the system, which a small container may not have.
            true => builder.no_proxy().tls_certs_only(extra),
            false => builder.tls_certs_merge(extra),
        };
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Fails only when another thread was faster, which is as good.
            let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        let client = builder.build().map_err(|error| failed(error.to_string()))?;
        Ok(Self { client, settings: Arc::new(settings.clone()) })
    }

    /// The JSON document at `url`.
    pub(crate) async fn get_json<T: DeserializeOwned>(&self, url: &str, what: &'static str) -> Result<T, OidcError> {
        let request = self.client.get(self.endpoint(url)?).header(header::ACCEPT, "application/json");
        match self.answer(request).await? {
            Body::Success(text) => self.parse(what, &text),
            Body::Refusal { status, .. } => Err(self.unreachable(format!("HTTP status {status} for its {what}"))),
        }
    }

    /// Posts a form as this client.
    pub(super) async fn post_form(
        &self,
        url: &str,
        form: &[(&str, &str)],
        authentication: ClientAuthentication,
    ) -> Result<Body, OidcError> {
        let mut request = self.client.post(self.endpoint(url)?).header(header::ACCEPT, "application/json");
        // The serializer is not `Send`: it must be gone before the wait.
        let body = {
            let mut body = form_urlencoded::Serializer::new(String::new());
            body.extend_pairs(form);
            match (&self.settings.client_secret, authentication) {
                (Some(secret), ClientAuthentication::Basic) => {
                    request = request.header(header::AUTHORIZATION, basic(&self.settings.client_id, secret));
                }
                (Some(secret), ClientAuthentication::Post) => {
                    body.append_pair("client_id", &self.settings.client_id).append_pair("client_secret", secret);
                }
                (None, _) => {
                    body.append_pair("client_id", &self.settings.client_id);
                }
            }
            body.finish()
        };
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
        self.answer(request).await
    }

    pub(super) fn parse<T: DeserializeOwned>(&self, what: &'static str, text: &[u8]) -> Result<T, OidcError> {
        serde_json::from_slice(text).map_err(|error| OidcError::Malformed {
            issuer: self.settings.issuer.to_string(),
            what,
            // Category and place only: the text itself may hold a token.
            reason: format!("{:?} error at line {}, column {}", error.classify(), error.line(), error.column()),
        })
    }

    fn endpoint(&self, url: &str) -> Result<Url, OidcError> {
        Url::parse(url).ok().filter(is_secure).ok_or_else(|| OidcError::InsecureEndpoint {
            issuer: self.settings.issuer.to_string(),
            endpoint: url.chars().take(200).collect(),
        })
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Body, OidcError> {
        let response = request.send().await.map_err(|error| self.unreachable(reason(&error)))?;
        let status = response.status();
        if status.is_success() {
            return Ok(Body::Success(self.body(response).await?));
        }
        if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS && status != StatusCode::REQUEST_TIMEOUT
        {
            return Ok(Body::Refusal { status: status.as_u16(), text: self.body(response).await? });
        }
        Err(self.unreachable(format!("HTTP status {}", status.as_u16())))
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, OidcError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(reason(&error)))? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(OidcError::TooLarge { issuer: self.settings.issuer.to_string(), limit: MAX_ANSWER_BYTES });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn unreachable(&self, reason: String) -> OidcError {
        OidcError::Unreachable { issuer: self.settings.issuer.to_string(), reason }
    }
}

/// "The client identifier is encoded using the application/x-www-form-urlencoded encoding algorithm, and the
/// encoded value is used as the username; the client password is encoded using the same algorithm" (RFC 6749 §2.3.1).
fn basic(id: &str, secret: &str) -> String {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", BASE64.encode(format!("{}:{}", encode(id), encode(secret)).as_bytes()))
}

/// The innermost cause says what a person can act on (`Connection refused`), and no URL with a query.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// Discovery documents, key sets and token answers have a few KiB; keycloak's largest known is below 64 KiB.
pub(super) const MAX_ANSWER_BYTES: usize = 512 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_secrets_are_form_encoded_before_base64() {
        assert_eq!(basic("bas tion", "a:b%"), format!("Basic {}", BASE64.encode(b"bas+tion:a%3Ab%25")));
    }
}
