//! Forms of signed-in people: the anti-forgery token, and the operation id that names a redeploy before it is
//! asked for. Both are made from the session's form secret, so another session's are worth nothing here.
//!
//! This is the third layer against cross-site request forgery; the first two are in [`super::origin`].

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::de::DeserializeOwned;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use thiserror::Error;
use time::{Duration, OffsetDateTime};

use super::problem::Problem;
use super::session::{FormSecret, Visitor};
use super::state::WebState;
use crate::domain::{Clock, OperationId, Random, StackUid};

/// How long an operation id may wait in a page. Afterwards the page is shown again, so that nobody acts on
/// what was true an hour ago.
pub const OPERATION_LIFE: Duration = Duration::minutes(10);

/// The fields of a form that a signed-in person posted, the anti-forgery token already checked and taken out.
pub struct SignedForm<T> {
    /// Who posted it.
    pub visitor: Visitor,
    /// The other fields.
    pub fields: T,
}

impl<T: DeserializeOwned> FromRequest<WebState> for SignedForm<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &WebState) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let visitor =
            <Visitor as axum::extract::FromRequestParts<WebState>>::from_request_parts(&mut parts, state)
                .await?;
        let pairs = read_form(Request::from_parts(parts, body), state).await?;
        let token = pairs
            .iter()
            .find(|(name, _)| name == "csrf")
            .map_or("", |(_, value)| value);
        if !visitor.form_secret.accepts(token) {
            tracing::info!(person = %visitor.who.person.id, "a form without a token of its session was refused");
            return Err(Problem::FORGED);
        }
        state
            .pace()
            .form(visitor.who.person.id, state.app().clock().now())?;
        Ok(Self {
            visitor,
            fields: fields(&pairs)?,
        })
    }
}

/// The fields of a form that anybody may post.
pub struct OpenForm<T>(pub T);

impl<T: DeserializeOwned> FromRequest<WebState> for OpenForm<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &WebState) -> Result<Self, Problem> {
        Ok(Self(fields(&read_form(request, state).await?)?))
    }
}

type Pairs = Vec<(String, String)>;

async fn read_form(request: Request, state: &WebState) -> Result<Pairs, Problem> {
    let kind = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Problem::WRONG_FORM);
    }
    let body = Bytes::from_request(request, state)
        .await
        .map_err(|rejection| Problem::body(&rejection))?;
    Ok(url::form_urlencoded::parse(&body).into_owned().collect())
}

/// Reads the pairs into a type whose repeated fields are lists. A field that a form of ours names once and
/// that comes twice is refused: two readers of one request must not see two values.
fn fields<T: DeserializeOwned>(pairs: &Pairs) -> Result<T, Problem> {
    const REPEATED: [&str; 3] = ["services", "uid", "warned"];
    let mut object = serde_json::Map::new();
    for (name, value) in pairs {
        if REPEATED.contains(&name.as_str()) {
            let list = object
                .entry(name)
                .or_insert_with(|| serde_json::Value::Array(Vec::new()));
            if let serde_json::Value::Array(list) = list {
                list.push(value.clone().into());
            }
        } else if object.insert(name.clone(), value.clone().into()).is_some() {
            return Err(Problem::WRONG_FORM);
        }
    }
    serde_json::from_value(object.into()).map_err(|_| Problem::WRONG_FORM)
}

/// Why an operation id is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WrongOperation {
    /// It was not made for this session and this stack.
    #[error("the operation id was not made here")]
    Forged,
    /// It was, but too long ago.
    #[error("the operation id is too old")]
    Expired(OperationId),
}

/// For what an operation id was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MadeFor {
    /// One stack's confirm page.
    Stack(StackUid),
    /// The stack list: each stack of it gets its own id from this one.
    List,
}

impl FormSecret {
    /// A fresh anti-forgery token. Each is masked anew, so that compressing a page gives nothing away.
    pub fn token(&self, random: &Random) -> String {
        let pad: [u8; 32] = random.bytes();
        let secret = self.derive(b"csrf", &[]);
        let mut text = pad.to_vec();
        text.extend(pad.iter().zip(secret).map(|(pad, byte)| pad ^ byte));
        URL_SAFE_NO_PAD.encode(text)
    }

    fn accepts(&self, token: &str) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(token) else {
            return false;
        };
        let Ok(bytes) = <[u8; 64]>::try_from(bytes) else {
            return false;
        };
        let (pad, masked) = bytes.split_at(32);
        let given: Vec<u8> = pad.iter().zip(masked).map(|(pad, byte)| pad ^ byte).collect();
        given.ct_eq(&self.derive(b"csrf", &[])).into()
    }

    /// A fresh operation id, as a form carries it.
    pub fn operation(&self, made_for: MadeFor, clock: &Clock, random: &Random) -> String {
        let seed: [u8; 16] = random.bytes();
        let made_at = clock.now().unix_timestamp().to_be_bytes();
        let mut text = seed.to_vec();
        text.extend(made_at);
        text.extend(self.seal(made_for, seed, made_at));
        URL_SAFE_NO_PAD.encode(text)
    }

    /// Reads an operation id that came with a form about `stack`. From the list, the same text gives each
    /// stack its own id.
    pub fn read_operation(
        &self,
        text: &str,
        stack: StackUid,
        now: OffsetDateTime,
    ) -> Result<(OperationId, MadeFor), WrongOperation> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| WrongOperation::Forged)?;
        let (seed, rest) = bytes.split_first_chunk::<16>().ok_or(WrongOperation::Forged)?;
        let (made_at, seal) = rest.split_first_chunk::<8>().ok_or(WrongOperation::Forged)?;
        let made_for = [MadeFor::Stack(stack), MadeFor::List]
            .into_iter()
            .find(|made_for| self.seal(*made_for, *seed, *made_at).ct_eq(seal).into())
            .ok_or(WrongOperation::Forged)?;
        let id = match made_for {
            MadeFor::Stack(_) => u128::from_be_bytes(*seed),
            MadeFor::List => first_half(&self.derive(b"operation", &[seed, stack.to_string().as_bytes()])),
        };
        let age = now.unix_timestamp().saturating_sub(i64::from_be_bytes(*made_at));
        if age > OPERATION_LIFE.whole_seconds() {
            return Err(WrongOperation::Expired(OperationId::from(id)));
        }
        Ok((OperationId::from(id), made_for))
    }

    /// When the page with this operation id was made, which has been read before ([`FormSecret::read_operation`]); the
    /// beginning of time for any other text.
    pub fn made_at(text: &str) -> OffsetDateTime {
        let bytes = URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        let made_at = bytes.get(16..24).and_then(|bytes| bytes.try_into().ok());
        let seconds = made_at.map_or(0, i64::from_be_bytes);
        OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// The id of all redeploys that are asked for together by one form, which carries an operation id made for
    /// the list.
    pub fn read_batch(&self, text: &str, now: OffsetDateTime) -> Result<OperationId, WrongOperation> {
        // Any stack will do: an id made for the list is good for each of them.
        let anyone = StackUid::from(0);
        let (id, made_for) = self.read_operation(text, anyone, now)?;
        if made_for == MadeFor::List {
            Ok(id)
        } else {
            Err(WrongOperation::Forged)
        }
    }

    fn seal(&self, made_for: MadeFor, seed: [u8; 16], made_at: [u8; 8]) -> [u8; 32] {
        let stack = match made_for {
            MadeFor::Stack(stack) => stack.to_string(),
            MadeFor::List => "list".to_owned(),
        };
        self.derive(b"seal", &[&seed, &made_at, stack.as_bytes()])
    }

    fn derive(&self, purpose: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        // HMAC takes keys of any length, so this branch is never taken; an all-zero answer would match nothing
        // that this program made.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            return [0; 32];
        };
        mac.update(purpose);
        for part in parts {
            mac.update(&[0]);
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

fn first_half(bytes: &[u8; 32]) -> u128 {
    bytes
        .first_chunk::<16>()
        .map_or(0, |half| u128::from_be_bytes(*half))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ManualClock;

    const UID: u128 = 0x4f6c_0e2b_9d1a_4c7e_8b3f_5a6d_7c8e_9f01;

    #[test]
    fn a_token_is_accepted_by_its_own_session_only() {
        let random = Random::seeded(1);
        let (mine, other) = (FormSecret(random.bytes()), FormSecret(random.bytes()));
        let token = mine.token(&random);
        assert_ne!(token, mine.token(&random));
        assert!(mine.accepts(&token));
        assert!(!other.accepts(&token));
        for bad in [
            "",
            "x",
            &token[1..],
            &token[..token.len() - 1],
            &format!("{token}A"),
            &"A".repeat(86),
        ] {
            assert!(!mine.accepts(bad), "{bad}");
        }
    }

    #[test]
    fn an_operation_id_is_for_one_session_one_stack_and_ten_minutes() {
        let random = Random::seeded(2);
        let clock = ManualClock::frozen_at(OffsetDateTime::UNIX_EPOCH);
        let (mine, other) = (FormSecret(random.bytes()), FormSecret(random.bytes()));
        let (stack, elsewhere) = (StackUid::from(UID), StackUid::from(UID + 1));
        let text = mine.operation(MadeFor::Stack(stack), &clock.clock(), &random);
        let now = clock.clock().now();
        let (id, made_for) = mine.read_operation(&text, stack, now).unwrap();
        assert_eq!(FormSecret::made_at(&text), now);
        assert_eq!(made_for, MadeFor::Stack(stack));
        assert_eq!(
            mine.read_operation(&text, stack, now),
            Ok((id, made_for)),
            "the same text is the same id"
        );
        assert_eq!(
            mine.read_operation(&text, elsewhere, now),
            Err(WrongOperation::Forged)
        );
        assert_eq!(
            other.read_operation(&text, stack, now),
            Err(WrongOperation::Forged)
        );
        let later = now + OPERATION_LIFE + Duration::seconds(1);
        assert_eq!(
            mine.read_operation(&text, stack, later),
            Err(WrongOperation::Expired(id))
        );
        for bad in ["", "AAAA", &text[..40], &format!("{text}A")] {
            assert_eq!(
                mine.read_operation(bad, stack, now),
                Err(WrongOperation::Forged),
                "{bad}"
            );
        }
    }

    #[test]
    fn from_the_list_each_stack_gets_its_own_id() {
        let random = Random::seeded(3);
        let clock = Clock::system();
        let mine = FormSecret(random.bytes());
        let text = mine.operation(MadeFor::List, &clock, &random);
        let id = |stack: u128| {
            mine.read_operation(&text, StackUid::from(stack), clock.now())
                .unwrap()
                .0
        };
        assert_eq!(id(1), id(1));
        assert_ne!(id(1), id(2));
    }
}
