//! Who asks for a token: client id and secret by HTTP Basic or in the body (fact sheet 3.3).

use super::OAuthError;
use crate::sandbox::http::{Request, decode_segment};
use crate::sandbox::world::{Application, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq as _;

/// The application, if its credentials are right. Basic is tried first, then the parameters; a client may
/// send its id both ways.
pub(super) fn authenticate<'a>(state: &'a State, request: &Request) -> Result<&'a Application, OAuthError> {
    let (id, secret) = credentials(request).ok_or(OAuthError::INVALID_CLIENT)?;
    let application = state
        .application_by_client_id(&id)
        .ok_or(OAuthError::INVALID_CLIENT)?;
    let right: bool = application
        .client_secret
        .as_bytes()
        .ct_eq(secret.as_bytes())
        .into();
    if right {
        Ok(application)
    } else {
        Err(OAuthError::INVALID_CLIENT)
    }
}

fn credentials(request: &Request) -> Option<(String, String)> {
    let header = request.header(&hyper::header::AUTHORIZATION);
    let basic = header
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
    if let Some((_, encoded)) = basic {
        let decoded = STANDARD.decode(encoded.trim()).ok()?;
        let text = String::from_utf8(decoded).ok()?;
        let (id, secret) = text.split_once(':')?;
        // Both parts are form-encoded (RFC 6749, 2.3.1).
        return Some((decode_segment(id), decode_segment(secret)));
    }
    Some((
        request.param("client_id")?.to_owned(),
        request.param("client_secret")?.to_owned(),
    ))
}
