//! The URL of an API server.

use schemars::JsonSchema;
use serde::Deserialize;

/// The URL of an API server: `http` or `https`, without credentials.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct ApiUrl(pub(super) http::Uri);

impl TryFrom<String> for ApiUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let expected =
            || "expected the API server's URL, such as `https://10.0.0.1:6443`".to_owned();
        let url: http::Uri = text.parse().map_err(|_| expected())?;
        let scheme = matches!(url.scheme_str(), Some("http" | "https"));
        let host = url.authority().is_some_and(|part| !part.as_str().contains('@'));
        if scheme && host { Ok(Self(url)) } else { Err(expected()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_a_password_is_refused() {
        assert!(ApiUrl::try_from("https://10.0.0.1:6443".to_owned()).is_ok());
        for bad in ["10.0.0.1", "ftp://a", "https://user:secret@a", ""] {
            let error = ApiUrl::try_from(bad.to_owned()).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
