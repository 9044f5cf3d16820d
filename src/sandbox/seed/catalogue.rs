//! The stacks of the default world: a company, an agency and a laboratory that deploy as such places do.
//!
//! The order is the order of the list. What is worth looking at comes first, so that a small world
//! (`stacks: Some(5)`) has variety too.

/// An application, deployed to one or more environments from one repository.
pub(super) struct App {
    /// Index into the accounts.
    pub(super) account: usize,
    pub(super) name: &'static str,
    pub(super) git: Option<&'static str>,
    pub(super) language: &'static str,
    pub(super) framework: &'static str,
    pub(super) backend: Option<&'static str>,
    pub(super) cloud: &'static str,
    /// Names and images.
    pub(super) services: &'static [(&'static str, &'static str)],
    /// Environment, branch, and what is the matter with it.
    pub(super) environments: &'static [(&'static str, &'static str, Condition)],
}

/// What is the matter with a stack at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// Nothing.
    Fine,
    /// The last deploy failed; the commit before it is live; the next deploy succeeds.
    Failed,
    /// Every deploy fails.
    AlwaysFails,
    /// Some of its servers are down.
    Impaired,
    /// All of its servers are down.
    Broken,
    Maintenance,
    /// In the middle of a long deploy.
    LongDeploy,
    /// Analysed, never deployed.
    NeverDeployed,
    Analysing,
    PendingAnalysis,
    UnableToAnalyse,
    /// Status and health are numbers that no document lists.
    UnknownCodes,
    /// Cloud 66 has a warning about it.
    Warned,
    /// Its links and branch are hostile too.
    Hostile,
}

use Condition::{
    AlwaysFails, Analysing, Broken, Failed, Fine, Hostile, Impaired, LongDeploy, Maintenance, NeverDeployed,
    PendingAnalysis, UnableToAnalyse, UnknownCodes, Warned,
};

const fn rails(name: &'static str, git: &'static str, environments: Environments) -> App {
    App {
        account: 0,
        name,
        git: Some(git),
        language: "ruby",
        framework: "rails",
        backend: None,
        cloud: "AWS",
        services: &[],
        environments,
    }
}

type Environments = &'static [(&'static str, &'static str, Condition)];

const NODE: App = App {
    account: 0,
    name: "",
    git: None,
    language: "node",
    framework: "nodejs",
    backend: None,
    cloud: "DigitalOcean",
    services: &[],
    environments: &[],
};

const DOCKER: App = App {
    language: "ruby",
    framework: "docker",
    ..NODE
};

const fn strange(name: &'static str, environments: Environments) -> App {
    App {
        account: 2,
        name,
        git: Some("git@github.com:finch-labs/playground.git"),
        environments,
        ..NODE
    }
}

/// 300 characters without a place to break.
const LONG: &str = "DonaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaftDonaudampf\
    schifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaftDonaudampfschifffahr\
    tselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaftDonaudampfschifffahrtselektriz\
    itätenhauptbetriebswerkbauunte";

/// Every application of the default world.
pub(super) const APPS: &[App] = &[
    rails(
        "Storefront",
        "git@github.com:harbour-finch/storefront.git",
        &[
            ("production", "main", Fine),
            ("staging", "main", Fine),
            ("development", "develop", Fine),
        ],
    ),
    rails(
        "Billing",
        "git@github.com:harbour-finch/billing.git",
        &[("production", "main", Failed), ("staging", "main", Fine)],
    ),
    rails(
        "Warehouse",
        "git@github.com:harbour-finch/warehouse.git",
        &[("production", "main", LongDeploy), ("staging", "develop", Fine)],
    ),
    rails(
        "Customer Accounts",
        "git@github.com:harbour-finch/customer-accounts.git",
        &[("production", "main", Impaired), ("staging", "main", Fine)],
    ),
    App {
        name: "Help Centre",
        git: Some("git@github.com:harbour-finch/help-centre.git"),
        environments: &[("production", "main", Maintenance), ("staging", "main", Fine)],
        ..NODE
    },
    App {
        name: "Search",
        git: Some("git@github.com:harbour-finch/search.git"),
        backend: Some("kubernetes"),
        services: &[
            ("web", "harbour/search-web"),
            ("indexer", "harbour/search-indexer"),
        ],
        environments: &[("production", "main", Fine), ("staging", "main", Fine)],
        ..DOCKER
    },
    App {
        name: "Image Resizer",
        services: &[("resizer", "harbour/image-resizer")],
        environments: &[("production", "", Fine)],
        ..DOCKER
    },
    rails(
        "Nightly Importer",
        "git@bitbucket.org:harbour-finch/nightly-importer.git",
        &[("production", "main", AlwaysFails)],
    ),
    rails(
        "Checkout API",
        "git@github.com:harbour-finch/checkout-api.git",
        &[("production", "main", Fine), ("staging", "main", Fine)],
    ),
    App {
        name: "Pricing Engine",
        git: Some("git@gitlab.com:harbour-finch/pricing-engine.git"),
        backend: Some("kubernetes"),
        services: &[
            ("api", "harbour/pricing-api"),
            ("worker", "harbour/pricing-worker"),
            ("cache", "redis"),
        ],
        environments: &[
            ("production", "main", Fine),
            ("staging", "main", Fine),
            ("canary", "next", Fine),
        ],
        ..DOCKER
    },
    App {
        name: "Marketing Site",
        git: Some("git@github.com:harbour-finch/marketing-site.git"),
        environments: &[("production", "main", Warned), ("preview", "preview", Fine)],
        ..NODE
    },
    App {
        name: "Mobile Gateway",
        git: Some("git@github.com:harbour-finch/mobile-gateway.git"),
        environments: &[("production", "main", Fine), ("staging", "main", Fine)],
        ..NODE
    },
    rails(
        "Loyalty",
        "git@github.com:harbour-finch/loyalty.git",
        &[("production", "main", NeverDeployed), ("staging", "main", Fine)],
    ),
    App {
        name: "Data Pipeline",
        git: Some("git@github.com:harbour-finch/data-pipeline.git"),
        language: "python",
        framework: "django",
        environments: &[("staging", "main", Analysing)],
        ..NODE
    },
    App {
        name: "Platform Images",
        git: Some("git@github.com:harbour-finch/platform-images.git"),
        framework: "skycap",
        environments: &[("production", "main", Fine)],
        ..DOCKER
    },
    App {
        name: "Legacy Intranet",
        git: Some("https://git.harbourfinch.example/legacy/intranet.git"),
        language: "php",
        framework: "php",
        cloud: "no_cloud",
        environments: &[("production", "master", UnknownCodes)],
        ..NODE
    },
    App {
        account: 1,
        name: "Gallery Bergen",
        git: Some("git@github.com:northlight-studio/gallery-bergen.git"),
        environments: &[("production", "main", Fine), ("staging", "main", Fine)],
        ..NODE
    },
    App {
        account: 1,
        name: "Tidewater Brewery",
        git: Some("git@github.com:northlight-studio/tidewater.git"),
        language: "ruby",
        framework: "rails",
        environments: &[("production", "main", Broken), ("staging", "main", Fine)],
        ..NODE
    },
    App {
        account: 1,
        name: "Fjord Conference",
        git: Some("git@github.com:northlight-studio/fjord-conference.git"),
        environments: &[("production", "main", UnableToAnalyse)],
        ..NODE
    },
    App {
        account: 1,
        name: "Kin Charity",
        git: Some("git@github.com:northlight-studio/kin.git"),
        language: "ruby",
        framework: "rack",
        cloud: "Linode",
        environments: &[("production", "main", Fine), ("staging", "main", PendingAnalysis)],
        ..NODE
    },
    strange(
        "<script>alert(\"stack\")</script>",
        &[("production", "main", Hostile)],
    ),
    strange(
        "\"><img src=x onerror=alert(1)>",
        &[("pröd / <b>eu-west</b> & co", "main", Fine)],
    ),
    strange(LONG, &[("staging", "main", Fine)]),
    strange("متجر الميناء", &[("production", "main", Fine)]),
    strange("Backwards \u{202e}yolped", &[("staging", "main", Fine)]),
    strange("🚀 Rocket 👩‍👩‍👧‍👦 Family", &[("production", "main", Fine)]),
    strange(
        "Z\u{0335}\u{0337}\u{0351}a\u{0338}\u{0334}l\u{0334}\u{0321}g\u{0338}o\u{0335}\u{0300}\u{0301}",
        &[("staging", "main", Fine)],
    ),
    strange("'; DROP TABLE stacks; --", &[("development", "main", Fine)]),
];

/// Words for the names of further stacks, when more are asked for.
pub(super) const FIRST_WORDS: &[&str] = &[
    "Amber", "Basalt", "Cedar", "Delta", "Ember", "Fathom", "Granite", "Heron", "Indigo", "Juniper",
    "Kestrel", "Lantern", "Marble", "Nimbus", "Onyx", "Pebble", "Quartz", "Raven", "Saffron", "Timber",
];

/// See [`FIRST_WORDS`].
pub(super) const SECOND_WORDS: &[&str] = &[
    "Admin",
    "API",
    "Assets",
    "Auth",
    "Catalogue",
    "Chat",
    "Dispatch",
    "Exports",
    "Feed",
    "Gateway",
    "Invoices",
    "Ledger",
    "Mailer",
    "Metrics",
    "Orders",
    "Portal",
    "Reports",
    "Scheduler",
    "Search",
    "Sync",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_world_has_about_forty_stacks_and_each_condition() {
        let all: Vec<_> = APPS.iter().flat_map(|app| app.environments).collect();
        assert!((38..=46).contains(&all.len()), "{}", all.len());
        for condition in [
            Failed,
            AlwaysFails,
            Impaired,
            Broken,
            Maintenance,
            LongDeploy,
            NeverDeployed,
            Analysing,
            PendingAnalysis,
            UnableToAnalyse,
            UnknownCodes,
            Warned,
            Hostile,
        ] {
            assert!(all.iter().any(|one| one.2 == condition), "{condition:?}");
        }
        assert_eq!(LONG.chars().count(), 300);
    }
}
