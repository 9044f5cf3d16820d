//! One instance, from settings to listening. `serve`, the demo and the tests all begin here, so what is tested is
//! what runs.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::descriptors;
pub use super::tasks::EndedByItself;
use super::tasks::Tasks;
use crate::app::policy::AskFirst;
use crate::app::watch::{Patience, keep};
use crate::app::{App, Parts, Policy, worker};
use crate::cloud66::{self, Client, ClientOptions, Oauth, OauthOptions, PkceMode, Timeouts};
use crate::config::{self, DatabaseUrl, PublicUrl, Redirect, Settings};
use crate::domain::{AccountId, Clock, Random, Scopes, WebLink};
use crate::store::{Database, OpenError, Store, StoreOptions};
use crate::web::one_port::OnePort;
use crate::web::server::{self, Limits, Server};
use crate::web::state::OUT_OF_BAND;
use crate::web::urls::Cloud66Pages;
use crate::web::{self, Site, Urls, WebState};

/// How many connections the metrics' listener takes: a few scrapers.
const METRICS_CONNECTIONS: usize = 32;

/// What differs between a served, a demonstrated and a tested instance.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub random: Random,
    /// Whether pages say that this is the demo.
    pub demo: bool,
    /// Cloud 66's pages at the app's own port, where they are a stand-in's.
    pub one_port: Option<OnePort>,
    /// How long Cloud 66 is waited for.
    pub timeouts: Timeouts,
    /// How long a page waits for Cloud 66.
    pub patience: Patience,
    /// The limits of connections.
    pub limits: Limits,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self {
            clock: Clock::system(),
            random: Random::system(),
            demo: false,
            one_port: None,
            timeouts: Timeouts::default(),
            patience: Patience::default(),
            limits: Limits::default(),
        }
    }
}

/// Why an instance could not start, in words for the operator.
#[derive(Debug, Error)]
pub enum StartError {
    /// The database cannot be used.
    #[error("{0}")]
    Store(#[from] OpenError),
    /// The client cannot be made.
    #[error("{0}")]
    Cloud66(#[from] cloud66::ClientError),
    /// Cloud 66's address cannot be linked to.
    #[error("CLOUD66_URL is not an address that a page can link to")]
    Address,
    /// The metrics' address cannot be listened on.
    #[error("STACKDECK_METRICS_BIND: {0} cannot be listened on: {1}")]
    Metrics(SocketAddr, io::Error),
}

/// A running instance.
pub struct Running {
    /// Its verbs, for tests.
    pub app: App,
    /// Where the metrics are, if anywhere.
    pub metrics: Option<SocketAddr>,
    stop: CancellationToken,
    tasks: Tasks,
}

impl Running {
    /// The token whose cancellation ends the instance.
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Waits until it has ended: after [`Running::stop_token`] was cancelled, open answers are finished and
    /// redeploys on their way are waited for, each for a bounded time. An error where one of its tasks ended by
    /// itself.
    pub async fn ended(self) -> Result<(), EndedByItself> {
        let ended = self.tasks.ended().await;
        self.app.store().close().await;
        ended
    }

    /// Ends it in the middle of whatever it does, as a crash would; for tests. What the worker has on its way is
    /// dropped with it.
    pub fn abort(self) {
        self.tasks.abort();
    }

    /// Ends it and waits.
    pub async fn stop(self) -> Result<(), EndedByItself> {
        self.stop.cancel();
        self.ended().await
    }
}

/// Opens the database, puts everything together and serves on `listener`.
pub async fn start(
    settings: &Settings,
    listener: TcpListener,
    surroundings: Surroundings,
) -> Result<Running, StartError> {
    let Surroundings {
        clock,
        random,
        demo,
        one_port,
        timeouts,
        patience,
        limits,
    } = surroundings;
    let store = Store::open(store_options(settings), clock.clone(), random.clone()).await?;
    let client = client(settings, timeouts, clock.clone())?;
    let oauth = oauth(settings, &client)?;
    let parts = Parts {
        cloud66: client,
        oauth,
        store: store.clone(),
        clock,
        random,
        patience,
        policy: policy(settings),
        stop: CancellationToken::new(),
    };
    let app = App::new(parts);
    let port = listener.local_addr().map_or(0, |address| address.port());
    let state = WebState::new(app.clone(), site(settings, demo, one_port.as_ref())?);
    let limits = Limits {
        connections: descriptors::room_for(limits.connections),
        ..limits
    };
    let metrics = listen_for_metrics(settings, &limits)?;
    let metrics_router = web::metrics::router(state.clone());
    let router = web::router(
        state.clone(),
        &store.sessions(),
        settings.public_url.allowed_hosts(port),
        limits,
    );
    let stop = app.stop().clone();
    let router = match one_port {
        Some(one_port) => one_port.around(router, settings.public_url.clone()),
        None => router,
    };
    let server = Server::new(router, limits, settings.trusted_proxies.clone());
    // Before anything is served: what is asked for from now on is of this start.
    let begun = store.ledger().begin_epoch().await.is_ok();
    let mut tasks = Tasks::new(stop.clone());
    tasks.spawn("the web server", server.serve(listener, stop.clone()));
    tasks.spawn(
        "the worker that sends redeploys",
        worker::run(app.clone(), stop.clone(), begun),
    );
    tasks.spawn(
        "the task that keeps pages live",
        keep::run(app.clone(), stop.clone()),
    );
    tasks.spawn(
        "the task that ends event streams",
        web::events::run(state, stop.clone()),
    );
    let mut metrics_address = None;
    if let Some(listener) = metrics {
        metrics_address = listener.local_addr().ok();
        let few = Limits {
            connections: METRICS_CONNECTIONS,
            ..limits
        };
        let server = Server::new(metrics_router, few, Vec::new());
        tasks.spawn("the server of the metrics", server.serve(listener, stop.clone()));
    }
    Ok(Running {
        app,
        metrics: metrics_address,
        stop,
        tasks,
    })
}

fn listen_for_metrics(settings: &Settings, limits: &Limits) -> Result<Option<TcpListener>, StartError> {
    let Some(bind) = settings.metrics_bind else {
        return Ok(None);
    };
    server::listen(bind, limits)
        .map(Some)
        .map_err(|error| StartError::Metrics(bind, error))
}

/// The database, as the settings name it.
pub(super) fn store_options(settings: &Settings) -> StoreOptions {
    StoreOptions {
        database: match &settings.database {
            database if database.is_in_memory() => Database::SqliteInMemory,
            DatabaseUrl::Sqlite { path } => Database::Sqlite { path: path.clone() },
            DatabaseUrl::Postgres { url } => Database::Postgres { url: url.clone() },
        },
        origin: cloud66_url(settings).as_str().trim_end_matches('/').to_owned(),
        secrets: settings
            .secrets
            .iter()
            .map(|secret| secret.to_vec().into())
            .collect(),
        idle: settings.session.idle,
        lifetime: settings.session.lifetime,
    }
}

/// The way to Cloud 66, as the settings name it.
pub(super) fn client(
    settings: &Settings,
    timeouts: Timeouts,
    clock: Clock,
) -> Result<Client, cloud66::ClientError> {
    let version = match settings.cloud66.api_version {
        config::ApiVersion::V2 => cloud66::ApiVersion::V2,
        config::ApiVersion::V3 => cloud66::ApiVersion::V3,
    };
    Client::new(
        ClientOptions {
            url: cloud66_url(settings),
            version,
            timeouts,
        },
        clock,
    )
}

/// The sign-in at Cloud 66; none while the application is not registered there.
pub(super) fn oauth(settings: &Settings, client: &Client) -> Result<Option<Oauth>, cloud66::ClientError> {
    let Some(credentials) = &settings.cloud66.client else {
        return Ok(None);
    };
    let redirect_uri = match settings.cloud66.redirect {
        Redirect::Callback => settings.public_url.callback(),
        Redirect::OutOfBand => OUT_OF_BAND.to_owned(),
    };
    let options = OauthOptions {
        url: cloud66_url(settings),
        client_id: credentials.id.clone(),
        client_secret: credentials.secret.clone(),
        redirect_uri,
        scopes: scopes(settings),
        pkce: match settings.cloud66.pkce {
            config::Pkce::Auto => PkceMode::Auto,
            config::Pkce::On => PkceMode::On,
            config::Pkce::Off => PkceMode::Off,
        },
    };
    Oauth::new(client, options).map(Some)
}

fn policy(settings: &Settings) -> Policy {
    let production = settings.production.clone();
    Policy {
        accounts: settings.accounts.as_ref().map(|accounts| {
            accounts
                .iter()
                .filter_map(|account| i64::try_from(*account).ok())
                .map(AccountId)
                .collect()
        }),
        scopes: scopes(settings),
        ask_first: match settings.confirm {
            config::Confirm::Production => AskFirst::Production,
            config::Confirm::Always => AskFirst::Always,
            config::Confirm::Never => AskFirst::Never,
        },
        production: Arc::new(move |environment| production.matches(environment)),
    }
}

fn site(settings: &Settings, demo: bool, one_port: Option<&OnePort>) -> Result<Site, StartError> {
    let cloud66 = WebLink::parse(settings.cloud66.url.as_str()).ok_or(StartError::Address)?;
    let cloud66 = Cloud66Pages::new(&cloud66);
    Ok(Site {
        urls: Urls::new(settings.public_url.path_prefix()),
        public_url: PublicUrl::clone(&settings.public_url),
        demo,
        out_of_band: settings.cloud66.redirect == Redirect::OutOfBand,
        cloud66: one_port.map_or(cloud66, |one_port| Cloud66Pages::below(one_port.path())),
        hsts: settings.hsts.header(&settings.public_url),
        session_lifetime: settings.session.lifetime,
    })
}

fn scopes(settings: &Settings) -> Scopes {
    Scopes::parse(&settings.cloud66.scopes.join(" "))
}

fn cloud66_url(settings: &Settings) -> Url {
    settings.cloud66.url.clone()
}
