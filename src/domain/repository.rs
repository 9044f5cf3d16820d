//! Links into the place where a stack's code is kept, made from its `git` address without any token.
//!
//! GitHub, GitLab and Bitbucket are known, by host name; from others no link is made rather than a wrong one.

use super::link::WebLink;

/// A repository at a host whose addresses are known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Repository {
    host: Host,
    /// `owner/name`, on GitLab with any number of groups.
    path: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Host {
    GitHub,
    GitLab,
    Bitbucket,
}

impl Repository {
    /// Reads `git@host:owner/name.git`, `ssh://git@host/owner/name.git`, `git://…` and `https://…`; `None` for
    /// unknown hosts and for paths with anything but plain characters.
    pub fn parse(git: &str) -> Option<Self> {
        let git = git.trim();
        let (host, path) = match git.split_once("://") {
            Some((_, rest)) => rest.split_once('/')?,
            None => git.split_once(':')?,
        };
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let host = match host.split_once(':').map_or(host, |(host, _)| host) {
            host if host.eq_ignore_ascii_case("github.com") => Host::GitHub,
            host if host.eq_ignore_ascii_case("gitlab.com") => Host::GitLab,
            host if host.eq_ignore_ascii_case("bitbucket.org") => Host::Bitbucket,
            _ => return None,
        };
        let path = path.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        let parts: Vec<&str> = path.split('/').collect();
        let plain = |part: &&str| {
            !part.is_empty()
                && !part.starts_with('.')
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        };
        let deep_enough = if host == Host::GitLab {
            parts.len() >= 2
        } else {
            parts.len() == 2
        };
        (deep_enough && parts.iter().all(plain)).then(|| Self {
            host,
            path: path.to_owned(),
        })
    }

    /// `owner/name`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What the host is called.
    pub fn host_name(&self) -> &'static str {
        match self.host {
            Host::GitHub => "GitHub",
            Host::GitLab => "GitLab",
            Host::Bitbucket => "Bitbucket",
        }
    }

    /// The page that shows what lies between two refs; `None` where a ref holds characters that no link of
    /// ours should.
    pub fn compare(&self, from: &str, to: &str) -> Option<WebLink> {
        let (from, to) = (plain_ref(from)?, plain_ref(to)?);
        let path = &self.path;
        WebLink::parse(&match self.host {
            Host::GitHub => format!("https://github.com/{path}/compare/{from}...{to}"),
            Host::GitLab => format!("https://gitlab.com/{path}/-/compare/{from}...{to}"),
            // Bitbucket names the target first.
            Host::Bitbucket => format!("https://bitbucket.org/{path}/branches/compare/{to}..{from}"),
        })
    }

    /// The page of one commit.
    pub fn commit(&self, hash: &str) -> Option<WebLink> {
        let hash = plain_ref(hash)?;
        let path = &self.path;
        WebLink::parse(&match self.host {
            Host::GitHub => format!("https://github.com/{path}/commit/{hash}"),
            Host::GitLab => format!("https://gitlab.com/{path}/-/commit/{hash}"),
            Host::Bitbucket => format!("https://bitbucket.org/{path}/commits/{hash}"),
        })
    }
}

/// A ref with characters that need no escaping, without `..`.
fn plain_ref(text: &str) -> Option<&str> {
    let plain = !text.is_empty()
        && text.len() <= 255
        && !text.contains("..")
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/' | b'+'));
    plain.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_written_form_of_an_address_is_the_same_repository() {
        for git in [
            "git@github.com:harbour/checkout.git",
            "ssh://git@github.com/harbour/checkout.git",
            "ssh://git@github.com:22/harbour/checkout",
            "https://github.com/harbour/checkout.git",
            "https://token@GitHub.com/harbour/checkout/",
            "git://github.com/harbour/checkout.git",
        ] {
            let repository = Repository::parse(git).unwrap_or_else(|| panic!("{git}"));
            assert_eq!(
                repository.compare("4c1d9ab", "main").unwrap().as_str(),
                "https://github.com/harbour/checkout/compare/4c1d9ab...main",
                "{git}"
            );
        }
    }

    #[test]
    fn each_host_has_its_own_addresses() {
        let gitlab = Repository::parse("git@gitlab.com:group/sub/app.git").unwrap();
        assert_eq!(
            gitlab.compare("a", "b").unwrap().as_str(),
            "https://gitlab.com/group/sub/app/-/compare/a...b"
        );
        let bitbucket = Repository::parse("git@bitbucket.org:team/app.git").unwrap();
        assert_eq!(
            bitbucket.compare("4c1d9ab", "main").unwrap().as_str(),
            "https://bitbucket.org/team/app/branches/compare/main..4c1d9ab"
        );
    }

    #[test]
    fn no_link_is_better_than_a_wrong_one() {
        for git in [
            "",
            "git@git.example.com:a/b.git",
            "git@github.com:a",
            "git@github.com:a/b/c.git",
            "https://github.com.evil.example/a/b",
            "git@github.com:../b",
            "git@github.com:a/b?x=y",
            "https://evil.example/@github.com:a/b",
        ] {
            assert_eq!(Repository::parse(git), None, "{git}");
        }
        let repository = Repository::parse("git@github.com:a/b").unwrap();
        for bad in ["", "a..b", "main?x", "a b", "<script>", "#", "../../x"] {
            assert_eq!(repository.compare(bad, "main"), None, "{bad}");
        }
    }
}
