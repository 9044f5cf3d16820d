//! PKCE (RFC 7636), which Cloud 66 does not document (fact sheet 3.8).

use super::OAuthError;
use crate::sandbox::http::Params;
use crate::sandbox::options::Pkce;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// Method and challenge of an authorization request, where PKCE is on.
pub(super) fn challenge(params: &Params, pkce: Pkce) -> Result<Option<(String, String)>, OAuthError> {
    let Some(challenge) = params.get("code_challenge").filter(|_| pkce == Pkce::On) else {
        return Ok(None);
    };
    match params.get("code_challenge_method").unwrap_or("plain") {
        method @ ("S256" | "plain") => Ok(Some((method.to_owned(), challenge.to_owned()))),
        _ => Err(OAuthError::INVALID_CHALLENGE_METHOD),
    }
}

/// Whether a token request may carry a verifier at all: some versions of the server refuse it.
pub(super) fn check_support(verifier: Option<&str>, pkce: Pkce) -> Result<(), OAuthError> {
    if pkce == Pkce::Off && verifier.is_some() {
        return Err(OAuthError::invalid_request(
            "The code verifier is not supported by this server",
        ));
    }
    Ok(())
}

/// Whether the verifier answers the challenge of the code.
pub(super) fn verify(challenge: Option<&(String, String)>, verifier: Option<&str>) -> Result<(), OAuthError> {
    let Some((method, challenge)) = challenge else {
        return Ok(());
    };
    let verifier = verifier.ok_or(OAuthError::invalid_request("The code verifier is missing"))?;
    let answers = match method.as_str() {
        "S256" => URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())) == *challenge,
        _ => verifier == challenge,
    };
    if answers {
        Ok(())
    } else {
        Err(OAuthError::INVALID_GRANT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_7636_appendix_b() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = (
            "S256".to_owned(),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned(),
        );
        assert_eq!(verify(Some(&challenge), Some(verifier)), Ok(()));
        assert_eq!(
            verify(Some(&challenge), Some("another")),
            Err(OAuthError::INVALID_GRANT)
        );
        assert_eq!(
            verify(Some(&challenge), None).unwrap_err().code,
            "invalid_request"
        );
        assert_eq!(verify(None, Some("without a challenge it is ignored")), Ok(()));
    }
}
