//! Ids, each its own type, so that an account never passes for a person and nothing unparsed reaches a path.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a text is not an id of the wanted kind. Says nothing of the text itself, which may be hostile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not {0}")]
pub struct NotAnId(&'static str);

/// 32 lower-case hex digits, and nothing else, as a number.
fn hex_128(text: &str, what: &'static str) -> Result<u128, NotAnId> {
    let shaped = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !shaped {
        return Err(NotAnId(what));
    }
    u128::from_str_radix(text, 16).map_err(|_| NotAnId(what))
}

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(u128);

        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                hex_128(text, $what).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAnId;
            fn try_from(text: String) -> Result<Self, NotAnId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl $name {
            /// The number that it is.
            pub fn number(self) -> u128 {
                self.0
            }
        }

        impl From<u128> for $name {
            fn from(number: u128) -> Self {
                Self(number)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

hex_id! {
    /// A stack's uid: 32 lower-case hex digits (fact sheet 4.1). The only form in which a stack's name for
    /// itself becomes part of a path.
    StackUid, "a stack's uid"
}

hex_id! {
    /// The name of one redeploy: 128 random bits, written as 32 lower-case hex digits. Made when a form is
    /// rendered, unique in the ledger, and sent to Cloud 66 as `user_reference` (fact sheet 6.3).
    OperationId, "an operation id"
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                // `parse` would take a sign; an id in a path is digits.
                if text.is_empty() || text.len() > 18 || !text.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(NotAnId($what));
                }
                text.parse().map(Self).map_err(|_| NotAnId($what))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number_id! {
    /// A person at Cloud 66 (`user_id` of `/ping/auth`, fact sheet 4.9).
    UserId, "a person's id"
}
number_id! {
    /// An account at Cloud 66 (fact sheet 4.7).
    AccountId, "an account's id"
}
number_id! {
    /// A deployment (fact sheet 4.3).
    DeploymentId, "a deployment's id"
}
number_id! {
    /// An asynchronous action (fact sheet 4.6).
    ActionId, "an action's id"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_is_32_lower_case_hex_digits_and_nothing_else() {
        let good = "4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01";
        assert_eq!(good.parse::<StackUid>().unwrap().to_string(), good);
        assert_eq!(
            "0".repeat(32).parse::<StackUid>().unwrap().to_string(),
            "0".repeat(32)
        );
        let long = format!("{good}0");
        for bad in [
            "",
            "4f6c",
            &good[1..],
            &long,
            &good.to_uppercase(),
            "../../../../../../../../../../ab",
            "%2e%2e",
            "+f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01",
        ] {
            assert!(bad.parse::<StackUid>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_number_id_is_digits() {
        assert_eq!("5120".parse::<DeploymentId>(), Ok(DeploymentId(5120)));
        for bad in ["", "-1", "+1", "1.0", " 1", "9999999999999999999", "1/../2"] {
            assert!(bad.parse::<DeploymentId>().is_err(), "{bad}");
        }
    }
}
