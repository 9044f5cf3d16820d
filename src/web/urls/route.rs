//! The patterns of every path, in axum's notation. A path prefix of the public address is not part of them: it is
//! taken off before the router sees a request.

/// The stacks; signed out, what this is.
pub const HOME: &str = "/";
/// GET: what a sign-in will ask for. POST: starts it.
pub const SIGN_IN: &str = "/sign-in";
/// Where Cloud 66 sends people back to.
pub const OAUTH_CALLBACK: &str = "/oauth/callback";
/// The pasted code, in `oob` mode.
pub const OAUTH_CODE: &str = "/oauth/code";
/// Ends this session.
pub const SIGN_OUT: &str = "/sign-out";
/// Ends all sessions of the person.
pub const SIGN_OUT_EVERYWHERE: &str = "/sign-out/everywhere";
/// One stack.
pub const STACK: &str = "/stacks/{uid}";
/// Keeps a stack at the top of the person's list, or lets go of it.
pub const PIN: &str = "/stacks/{uid}/pin";
/// Keeps a view of the list as a link above it, or lets go of it.
pub const VIEWS: &str = "/views";
/// Confirm and options; send.
pub const REDEPLOY: &str = "/stacks/{uid}/redeploy";
/// Asks before a deployment is stopped; stops it.
pub const CANCEL: &str = "/stacks/{uid}/deployments/{id}/cancel";
/// Asks before a command is sent; sends it.
pub const ACTION: &str = "/stacks/{uid}/actions/{command}";
/// The person's receipts.
pub const RECEIPTS: &str = "/redeploys";
/// One receipt.
pub const RECEIPT: &str = "/redeploys/{id}";
/// Several stacks at once.
pub const BULK: &str = "/redeploys/new";
/// What became of several stacks at once.
pub const BATCH: &str = "/redeploys/batches/{id}";
/// What changed.
pub const ACTIVITY: &str = "/activity";
/// Stacks by name, from anywhere.
pub const SEARCH: &str = "/search";
/// The person's settings.
pub const SETTINGS: &str = "/settings";
/// Ends another session of the person.
pub const END_SESSION: &str = "/settings/sessions/{handle}/end";
/// Words, keys and where to turn.
pub const HELP: &str = "/help";
/// Server-sent events.
pub const EVENTS: &str = "/events";
/// Whether the process is alive.
pub const HEALTHZ: &str = "/healthz";
/// Whether it is able to serve.
pub const READYZ: &str = "/readyz";
/// Embedded files.
pub const STATIC: &str = "/static/{name}";
