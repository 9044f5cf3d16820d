//! Deployments (fact sheet 4.3, 4.4).

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::cell::Cell;
use crate::domain::{Deployment, DeploymentId, Outcome, WebLink};

#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::cloud66) struct WireDeployment {
    id: Cell,
    triggered_by: Cell,
    triggered_via: Coded,
    started_at: Cell,
    finished_at: Cell,
    outcome: Coded,
    git_hash: Cell,
    git_ref: Cell,
    deploy_type: Coded,
    is_head: Cell,
    is_live: Cell,
    is_deploying: Cell,
    reverted: Cell,
    commit_url: Cell,
}

/// Makes a deployment; none without an id.
pub(in crate::cloud66) fn deployment(wire: &WireDeployment) -> Option<Deployment> {
    let finished_at = wire.finished_at.date();
    let runs = wire.is_deploying.flag().unwrap_or(false) && finished_at.is_none();
    Some(Deployment {
        id: DeploymentId(wire.id.id()?),
        outcome: if runs {
            Outcome::Pending
        } else {
            wire.outcome.outcome(finished_at.is_some())
        },
        triggered_by: wire.triggered_by.name(),
        triggered_via: wire.triggered_via.word(&["web", "api", "hook"]),
        kind: wire
            .deploy_type
            .word(&["build", "redeploy", "scale", "first_build", "revert"]),
        started_at: wire.started_at.date(),
        finished_at,
        git_hash: wire.git_hash.name(),
        git_ref: wire.git_ref.name(),
        is_head: wire.is_head.flag().unwrap_or(false),
        is_live: wire.is_live.flag().unwrap_or(false),
        reverted: wire.reverted.flag().unwrap_or(false),
        commit_url: wire.commit_url.text().and_then(WebLink::parse),
    })
}

/// A value of a listed set: `{"code":1,"meaning":"success"}`, where newer pages show a word as the code
/// (`"success"`) and a label as the meaning (`"Successful"`).
#[derive(Debug, Default, PartialEq)]
struct Coded {
    code: Cell,
    meaning: Cell,
}

impl Coded {
    /// The value's word in lower case: the code where that is a word, else the meaning, else the word that
    /// stands at the code's place in the documents' list, which is the best guess there is.
    fn word(&self, listed: &[&str]) -> Option<String> {
        let code_word = self.code.text().filter(|_| self.code.number().is_none());
        let by_place = || {
            let place = usize::try_from(self.code.number()?).ok()?;
            listed.get(place).copied()
        };
        code_word
            .or_else(|| self.meaning.text())
            .or_else(by_place)
            .map(str::to_lowercase)
    }

    /// How a deployment ended. The meaning decides, then the code; without either, one that has not finished
    /// is pending, and of one that has nothing is claimed.
    fn outcome(&self, finished: bool) -> Outcome {
        let meaning = self.meaning.text().map(str::to_lowercase);
        let word = self.word(&["pending", "success", "failed"]);
        let known = [meaning.as_deref(), word.as_deref()]
            .into_iter()
            .flatten()
            .find_map(known_outcome);
        match known {
            Some(outcome) => outcome,
            None if !finished => Outcome::Pending,
            None => Outcome::Other(meaning.or(word).unwrap_or_default()),
        }
    }
}

fn known_outcome(word: &str) -> Option<Outcome> {
    Some(match word {
        "pending" | "queued" | "running" | "deploying" | "started" => Outcome::Pending,
        "success" | "successful" | "succeeded" => Outcome::Success,
        "failed" | "failure" => Outcome::Failed,
        "cancelled" | "canceled" => Outcome::Cancelled,
        _ => return None,
    })
}

impl<'de> Deserialize<'de> for Coded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ObjectOrPlain)
    }
}

/// Reads the object, or a plain value as the code.
struct ObjectOrPlain;

impl<'de> Visitor<'de> for ObjectOrPlain {
    type Value = Coded;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Coded, A::Error> {
        let mut coded = Coded::default();
        while let Some(key) = object.next_key::<String>()? {
            match key.as_str() {
                "code" => coded.code = object.next_value()?,
                "meaning" => coded.meaning = object.next_value()?,
                _ => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(coded)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Coded, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Coded::default())
    }

    fn visit_str<E>(self, text: &str) -> Result<Coded, E> {
        Ok(Coded {
            code: Cell::Text(text.to_owned()),
            meaning: Cell::Nothing,
        })
    }

    fn visit_i64<E>(self, number: i64) -> Result<Coded, E> {
        Ok(Coded {
            code: Cell::Number(number),
            meaning: Cell::Nothing,
        })
    }

    fn visit_u64<E>(self, number: u64) -> Result<Coded, E> {
        Ok(i64::try_from(number).map_or_else(
            |_| Coded::default(),
            |number| Coded {
                code: Cell::Number(number),
                meaning: Cell::Nothing,
            },
        ))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Coded, E> {
        Ok(Coded::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Coded, E> {
        Ok(Coded::default())
    }

    fn visit_unit<E>(self) -> Result<Coded, E> {
        Ok(Coded::default())
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::super::envelope::one;
    use super::*;

    fn read(fields: &str) -> Deployment {
        let json = format!(r#"{{"response":{{"id":5120{fields}}}}}"#);
        deployment(&one(json.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn the_documented_example_is_read_whole() {
        let running = read(
            r#","triggered_by":"user@shop.example","triggered_via":{"code":1,"meaning":"api"},
            "started_at":"2025-03-04T09:03:10Z","finished_at":null,"outcome":{"code":0,"meaning":"pending"},
            "git_hash":"9c1185a5c5e9fc54612808977ee8f548b2258d31","deploy_session":"kQ2vX8mZpa",
            "deploy_type":{"code":1,"meaning":"redeploy"},"is_head":true,"is_live":false,"reverted":null,
            "reverted_by":null,"reverted_at":null,"is_deploying":true,
            "commit_url":"https://github.com/example-org/harbour-shop/commit/9c1185a""#,
        );
        assert!(running.is_running() && running.is_head && !running.is_live && !running.reverted);
        assert_eq!(running.started_at, Some(datetime!(2025-03-04 09:03:10 UTC)));
        assert_eq!(running.triggered_via.as_deref(), Some("api"));
        assert_eq!(running.kind.as_deref(), Some("redeploy"));
        assert_eq!(running.short_hash(), Some("9c1185a"));
        assert_eq!(running.commit_url.unwrap().host(), "github.com");
    }

    #[test]
    fn an_outcome_is_read_from_every_form_of_it() {
        let ended = r#","finished_at":"2025-03-04T09:10:10Z""#;
        let cases = [
            // 4.4: numbers with meanings.
            (
                r#","outcome":{"code":1,"meaning":"success"}"#,
                ended,
                Outcome::Success,
            ),
            (
                r#","outcome":{"code":2,"meaning":"Failed"}"#,
                ended,
                Outcome::Failed,
            ),
            // 4.4: the model page's words with labels.
            (
                r#","outcome":{"code":"success","meaning":"Successful"}"#,
                ended,
                Outcome::Success,
            ),
            (
                r#","outcome":{"code":"failed","meaning":"It went badly"}"#,
                ended,
                Outcome::Failed,
            ),
            // Odd but plain enough.
            (r#","outcome":"success""#, ended, Outcome::Success),
            (r#","outcome":2"#, ended, Outcome::Failed),
            (r#","outcome":{"code":"1"}"#, ended, Outcome::Success),
            (
                r#","outcome":{"code":3,"meaning":"canceled"}"#,
                ended,
                Outcome::Cancelled,
            ),
            // The meaning wins over a number that says something else.
            (
                r#","outcome":{"code":1,"meaning":"failed"}"#,
                ended,
                Outcome::Failed,
            ),
            // What nobody listed is passed on; what is not there is not made up.
            (
                r#","outcome":{"code":9,"meaning":"Rolled Back"}"#,
                ended,
                Outcome::Other("rolled back".into()),
            ),
            (r#","outcome":null"#, ended, Outcome::Other(String::new())),
            // 4.3: not finished.
            (r#","outcome":null"#, "", Outcome::Pending),
            (r#","outcome":[1],"is_deploying":true"#, "", Outcome::Pending),
            (
                r#","outcome":{"code":1,"meaning":"success"},"is_deploying":true"#,
                "",
                Outcome::Pending,
            ),
            (
                r#","outcome":{"code":1,"meaning":"success"},"is_deploying":true"#,
                ended,
                Outcome::Success,
            ),
        ];
        for (outcome, finished, expected) in cases {
            assert_eq!(
                read(&format!("{outcome}{finished}")).outcome,
                expected,
                "{outcome} {finished}"
            );
        }
    }

    #[test]
    fn words_prefer_the_code_where_it_is_one() {
        let web =
            read(r#","triggered_via":{"code":"web","meaning":"Web Interface"},"deploy_type":{"code":3}"#);
        assert_eq!(web.triggered_via.as_deref(), Some("web"));
        assert_eq!(web.kind.as_deref(), Some("first_build"));
        assert_eq!(read(r#","triggered_via":{"code":7}"#).triggered_via, None);
    }

    #[test]
    fn hostile_values_cost_themselves() {
        let odd = read(
            r#","commit_url":"javascript:alert(1)","is_live":"true","reverted":1,"git_hash":{"a":1},
            "started_at":"soon","triggered_via":3.5,"deploy_type":true"#,
        );
        assert_eq!((odd.commit_url, odd.git_hash, odd.started_at), (None, None, None));
        assert!(odd.is_live && odd.reverted);
        for id in ["null", "0", "-1", "\"x\"", "{}"] {
            let wire = one(format!(r#"{{"id":{id}}}"#).as_bytes()).unwrap();
            assert!(deployment(&wire).is_none(), "{id}");
        }
    }
}
