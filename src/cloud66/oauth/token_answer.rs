//! The token endpoint's answers, in one form.
//!
//! Cloud 66's first document shows a form, JSON and XML, by what was asked for; its server most likely always
//! sends JSON (fact sheet 3.4). So the answer's `Content-Type` is tried first, then the other two, and what
//! comes out is the JSON of RFC 6749 sections 5.1 and 5.2.

use oauth2::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::super::wire::{self, Cell};
use super::token_xml;

/// What is read of an answer. `expires_in` and `refresh_token` are not: a token lasts until it is revoked
/// (fact sheet 3.10), and one that does not will be refused by the API in time.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Fields {
    access_token: Cell,
    token_type: Cell,
    scope: Cell,
    error: Cell,
}

/// The answer as RFC 6749 has it.
#[derive(Serialize)]
#[serde(untagged)]
enum Normal<'a> {
    Token {
        access_token: &'a str,
        token_type: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        scope: Option<String>,
    },
    Refusal {
        error: &'a str,
    },
}

impl Fields {
    /// Sets a field that came as text.
    pub(super) fn set(&mut self, name: &str, text: String) {
        let field = match name {
            "access_token" => &mut self.access_token,
            "token_type" => &mut self.token_type,
            "scope" => &mut self.scope,
            "error" => &mut self.error,
            _ => return,
        };
        *field = Cell::Text(text);
    }

    fn says_something(&self) -> bool {
        self.access_token.text().is_some() || self.error.text().is_some()
    }
}

/// Reads an answer and gives the status and JSON that RFC 6749 would have. None where it is neither a token
/// nor a refusal: a page of HTML, a redirect, nothing at all.
pub(super) fn read(status: u16, content_type: Option<&str>, body: &[u8]) -> Option<(StatusCode, Vec<u8>)> {
    let fields = fields(content_type, body)?;
    let succeeded = (200..300).contains(&status);
    let refused = (400..500).contains(&status);
    // A 200 that carries an error is one (servers of this family answer so), and no error carries a token.
    let (status, normal) = match (fields.error.text(), fields.access_token.text()) {
        (Some(error), _) if succeeded || refused => (
            StatusCode::BAD_REQUEST,
            Normal::Refusal {
                error: in_the_words_of_the_rfc(error),
            },
        ),
        (None, Some(access_token)) if succeeded => (
            StatusCode::OK,
            Normal::Token {
                access_token,
                token_type: fields.token_type.text().unwrap_or("bearer"),
                // Commas are in the documents, spaces on the wire (fact sheet 3.6).
                scope: fields.scope.text().map(|scope| scope.replace(',', " ")),
            },
        ),
        _ => return None,
    };
    Some((status, serde_json::to_vec(&normal).ok()?))
}

/// Cloud 66's text follows an older server's documents, whose words for two errors are others.
fn in_the_words_of_the_rfc(error: &str) -> &str {
    match error {
        "bad_verification_code" => "invalid_grant",
        "incorrect_client_credentials" => "invalid_client",
        other => other,
    }
}

type Reader = fn(&[u8]) -> Option<Fields>;

fn fields(content_type: Option<&str>, body: &[u8]) -> Option<Fields> {
    let mut readers: [Reader; 3] = [from_json, from_xml, from_form];
    match content_type {
        Some("application/x-www-form-urlencoded") => readers.swap(0, 2),
        Some("application/xml" | "text/xml") => readers.swap(0, 1),
        _ => {}
    }
    readers
        .iter()
        .filter_map(|read| read(body))
        .find(Fields::says_something)
}

fn from_json(body: &[u8]) -> Option<Fields> {
    wire::one(body)
}

fn from_xml(body: &[u8]) -> Option<Fields> {
    token_xml::read(std::str::from_utf8(body).ok()?)
}

fn from_form(body: &[u8]) -> Option<Fields> {
    // What begins like a page or an object is not a form that happens to hold an `=`.
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace())?;
    if matches!(first, b'<' | b'{' | b'[') {
        return None;
    }
    let mut fields = Fields::default();
    for (name, value) in url::form_urlencoded::parse(body.trim_ascii()) {
        fields.set(&name, value.into_owned());
    }
    Some(fields)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const JSON: Option<&str> = Some("application/json");
    const FORM: Option<&str> = Some("application/x-www-form-urlencoded");
    const XML: Option<&str> = Some("application/xml");

    fn normal(status: u16, content_type: Option<&str>, body: &str) -> Option<(u16, String)> {
        let (status, json) = read(status, content_type, body.as_bytes())?;
        Some((status.as_u16(), String::from_utf8(json).unwrap()))
    }

    #[test]
    fn every_form_of_a_token_is_the_same_token() {
        let token = r#"{"access_token":"a/b","token_type":"bearer","scope":"public redeploy"}"#;
        let xml =
            "<?xml version=\"1.0\"?>\n<OAuth><token_type>bearer</token_type><scope>public redeploy</scope>";
        let cases = [
            (200, JSON, token.to_owned()),
            (201, JSON, token.to_owned()),
            (200, None, token.to_owned()),
            (200, Some("text/html"), format!("\u{feff} {token} ")),
            // Unknown keys, nulls and an `expires_in` of any type (3.4).
            (
                200,
                JSON,
                r#"{"access_token":"a/b","scope":"public,redeploy","expires_in":"x","refresh_token":null,"created_at":1}"#
                    .into(),
            ),
            (200, FORM, "access_token=a%2Fb&token_type=bearer&scope=public+redeploy".into()),
            (200, FORM, "access_token=a%2Fb&scope=public%2Credeploy\n".into()),
            (200, Some("text/plain"), "scope=public%20redeploy&access_token=a%2Fb".into()),
            (200, None, "access_token=a%2Fb&token_type=bearer&scope=public+redeploy".into()),
            (200, XML, format!("{xml}<access_token>a&#47;b</access_token></OAuth>")),
            (200, Some("text/xml"), format!("{xml}<access_token><![CDATA[a/b]]></access_token></OAuth>")),
            (200, None, format!("{xml}<access_token> a/b </access_token></OAuth>")),
            // The label lies.
            (200, JSON, format!("{xml}<access_token>a/b</access_token></OAuth>")),
            (200, FORM, token.to_owned()),
            (200, XML, token.to_owned()),
            (200, XML, "access_token=a%2Fb&scope=public+redeploy".into()),
        ];
        for (status, content_type, body) in cases {
            let expected = Some((200, token.to_owned()));
            assert_eq!(
                normal(status, content_type, &body),
                expected,
                "{content_type:?} {body}"
            );
        }
    }

    #[test]
    fn a_token_type_and_an_absent_scope_are_passed_on() {
        assert_eq!(
            normal(
                200,
                JSON,
                r#"{"access_token":"x","token_type":"mac","scope":null}"#
            ),
            Some((200, r#"{"access_token":"x","token_type":"mac"}"#.into()))
        );
    }

    #[test]
    fn refusals_are_refusals_whatever_their_status() {
        for (status, content_type, body, error) in [
            (
                400,
                JSON,
                r#"{"error":"invalid_grant","error_description":"…"}"#,
                "invalid_grant",
            ),
            (401, JSON, r#"{"error":"invalid_client"}"#, "invalid_client"),
            (200, JSON, r#"{"error":"invalid_grant"}"#, "invalid_grant"),
            (
                200,
                JSON,
                r#"{"error":"invalid_grant","access_token":"x"}"#,
                "invalid_grant",
            ),
            (
                200,
                FORM,
                "error=bad_verification_code&error_description=nope",
                "invalid_grant",
            ),
            (
                400,
                XML,
                "<OAuth><error>invalid_request</error></OAuth>",
                "invalid_request",
            ),
        ] {
            let expected = Some((400, format!(r#"{{"error":"{error}"}}"#)));
            assert_eq!(normal(status, content_type, body), expected, "{body}");
        }
    }

    #[test]
    fn anything_else_is_nothing() {
        for (status, content_type, body) in [
            (200, JSON, "{}"),
            (200, JSON, ""),
            (200, JSON, r#"{"access_token":""}"#),
            (200, JSON, r#"{"access_token":{"x":1}}"#),
            (200, JSON, r#"["access_token"]"#),
            (200, None, "<html><body>access_token=x&amp;y</body></html>"),
            (
                200,
                XML,
                "<!DOCTYPE x [<!ENTITY a \"b\">]><OAuth><access_token>&a;</access_token></OAuth>",
            ),
            (
                200,
                XML,
                "<!DOCTYPE OAuth><OAuth><access_token>x</access_token></OAuth>",
            ),
            (302, JSON, r#"{"access_token":"x"}"#),
            (400, JSON, r#"{"access_token":"x"}"#),
            (200, FORM, "token=x"),
        ] {
            assert_eq!(normal(status, content_type, body), None, "{status} {body}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for content_type in [JSON, FORM, XML, None] {
                let _ = read(200, content_type, &bytes);
            }
        }

        #[test]
        fn no_near_xml_makes_it_panic(text in "(<[/!?a-z\\[\\]CDATA ]{0,12}>?|&[#a-zx0-9]{0,6};?|[a-z ]{0,5}){0,12}") {
            let _ = read(200, XML, text.as_bytes());
        }
    }
}
