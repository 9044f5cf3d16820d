//! Settings of a stack (fact sheet 4.12): a list of keys and values, in version 2 perhaps one flat object.

use serde::Deserialize;

use super::super::error::Error;
use super::cell::Cell;
use super::envelope::{one, rows};

/// The key of "redeploy whenever the repository changes"; dots in keys are dashes in ids (fact sheet 8.20).
const KEY: &str = "continuous.deploy";
const ID: &str = "continuous-deploy";

#[derive(Deserialize, Default)]
#[serde(default)]
struct Setting {
    key: Cell,
    id: Cell,
    value: Cell,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Flat {
    #[serde(rename = "continuous.deploy")]
    continuous_deploy: Cell,
}

/// Reads from a stack's settings whether it redeploys by itself; none where they do not say.
pub(in crate::cloud66) fn continuous_deploy(bytes: &[u8]) -> Result<Option<bool>, Error> {
    let of_row = |setting: Setting| {
        let ours = setting.key.text() == Some(KEY) || setting.id.text() == Some(ID);
        ours.then(|| setting.value.flag())?
    };
    if let Some(settings) = rows(bytes, |row| row.read().and_then(of_row)) {
        return Ok(settings.rows.into_iter().flatten().next());
    }
    let flat = one::<Flat>(bytes).ok_or(Error::Unreadable)?;
    Ok(flat.continuous_deploy.flag())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_is_found_in_every_form() {
        for (json, expected) in [
            (
                r#"{"response":[{"id":"git-branch","key":"git.branch","value":"main"},
                {"id":"continuous-deploy","key":"continuous.deploy","value":true,"readonly":false}]}"#,
                Ok(Some(true)),
            ),
            (
                r#"{"response":[{"id":"continuous-deploy","value":"false"}]}"#,
                Ok(Some(false)),
            ),
            (
                r#"{"response":[{"key":"continuous.deploy","value":null}]}"#,
                Ok(None),
            ),
            (r#"{"response":[null,7]}"#, Ok(None)),
            // 4.12, version 2: one flat object, booleans as text.
            (
                r#"{"response":{"git.branch":"main","continuous.deploy":"true"}}"#,
                Ok(Some(true)),
            ),
            (r#"{"response":{"git.branch":"main"}}"#, Ok(None)),
            (r#"{"response":"x"}"#, Err(Error::Unreadable)),
            ("", Err(Error::Unreadable)),
        ] {
            assert_eq!(continuous_deploy(json.as_bytes()), expected, "{json}");
        }
    }
}
