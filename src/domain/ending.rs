//! Our own words for ends of which Cloud 66 said nothing. They stand in the ledger's row where Cloud 66's words
//! would stand, and are read back by pages, so that no page puts ours into Cloud 66's mouth.

/// Why a redeploy ended without Cloud 66's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// Lost: Cloud 66 was asked, and knows nothing of it.
    NoRecord,
    /// Lost: the API of 2013 has nothing to ask.
    OldApi,
    /// Lost: Cloud 66 does not say which requests it has.
    NotSaid,
    /// Lost: Cloud 66 could not be asked for the whole of the bounded time.
    NotAsked,
    /// Lost: there is no token to ask with.
    NoSignIn,
    /// Refused: no connection could be made.
    Unreachable,
    /// Refused: it waited for too long.
    TooLate,
    /// Refused: its token does not open any longer.
    NoToken,
}

impl Ending {
    const ALL: [Self; 8] = [
        Self::NoRecord,
        Self::OldApi,
        Self::NotSaid,
        Self::NotAsked,
        Self::NoSignIn,
        Self::Unreachable,
        Self::TooLate,
        Self::NoToken,
    ];

    /// What the receipt says.
    pub fn words(self) -> &'static str {
        match self {
            Self::NoRecord => "Cloud 66 has no record of it. Check the stack before you try again.",
            Self::OldApi => {
                "Cloud 66 did not answer, and with version 2 of its API nobody can ask whether it has the request. \
                 Look at the stack before you try again."
            }
            Self::NotSaid => {
                "Cloud 66 did not answer, and does not say which requests it has. Look at the stack before you \
                 try again."
            }
            Self::NotAsked => {
                "Cloud 66 did not answer, and could not be asked for an hour whether it has the request. Look at \
                 the stack before you try again."
            }
            Self::NoSignIn => {
                "Cloud 66 did not answer, and this app no longer holds a sign-in with which to ask. Look at the \
                 stack before you try again."
            }
            Self::Unreachable => "Cloud 66 could not be reached. Nothing was sent.",
            Self::TooLate => {
                "This waited for too long, and nothing was sent. Ask again if it is still wanted."
            }
            Self::NoToken => {
                "Nothing was sent: Stackdeck’s secret was changed after this was asked for, so the access it came \
                 with can no longer be used. Ask again."
            }
        }
    }

    /// Which of ours these words are; none where they are Cloud 66's.
    pub fn of(words: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ending| ending.words() == words)
    }

    /// Whether nothing has left this app.
    pub fn is_unsent(self) -> bool {
        matches!(self, Self::Unreachable | Self::TooLate | Self::NoToken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_words_are_told_from_cloud_66s() {
        for ending in Ending::ALL {
            assert_eq!(Ending::of(ending.words()), Some(ending));
        }
        assert_eq!(Ending::of("Stack starting redeployment"), None);
    }
}
