//! Reading the `scope` parameter (fact sheet 3.6).

use super::OAuthError;
use crate::sandbox::options::Strictness;
use crate::sandbox::world::Scope;

/// The scopes asked for, in their order, each once. None at all means `public`. A comma separates only in
/// 2013 mode; for Doorkeeper `public,redeploy` is one unknown scope.
pub(super) fn read(text: Option<&str>, strictness: Strictness) -> Result<Vec<Scope>, OAuthError> {
    let comma = strictness == Strictness::Document2013;
    let separates = |character: char| character == ' ' || (comma && character == ',');
    let mut scopes = Vec::new();
    for word in text
        .unwrap_or_default()
        .split(separates)
        .filter(|word| !word.is_empty())
    {
        let scope = Scope::named(word).ok_or(OAuthError::INVALID_SCOPE)?;
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    if scopes.is_empty() {
        scopes.push(Scope::Public);
    }
    Ok(scopes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Scope::{Admin, Public, Redeploy};
    use Strictness::{Document2013, Doorkeeper};

    #[test]
    fn section_3_6_scope_rows() {
        let unknown = Err(OAuthError::INVALID_SCOPE);
        for (text, document, doorkeeper) in [
            (None, Ok(vec![Public]), Ok(vec![Public])),
            (Some("public"), Ok(vec![Public]), Ok(vec![Public])),
            (Some("redeploy"), Ok(vec![Redeploy]), Ok(vec![Redeploy])),
            (
                Some("public redeploy"),
                Ok(vec![Public, Redeploy]),
                Ok(vec![Public, Redeploy]),
            ),
            (
                Some("redeploy public"),
                Ok(vec![Redeploy, Public]),
                Ok(vec![Redeploy, Public]),
            ),
            (
                Some("public,redeploy"),
                Ok(vec![Public, Redeploy]),
                unknown.clone(),
            ),
            (Some("public, admin"), Ok(vec![Public, Admin]), unknown.clone()),
            (Some("public public"), Ok(vec![Public]), Ok(vec![Public])),
            (Some("everything"), unknown.clone(), unknown.clone()),
            (Some("reboot"), unknown.clone(), unknown.clone()),
            (Some("Public"), unknown.clone(), unknown),
        ] {
            assert_eq!(read(text, Document2013), document, "2013: {text:?}");
            assert_eq!(read(text, Doorkeeper), doorkeeper, "doorkeeper: {text:?}");
        }
    }
}
