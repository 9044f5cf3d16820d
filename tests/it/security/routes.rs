//! Every route, read from the program's own list, so that a new one is held against the same cases at once.

/// The patterns of `src/web/urls/route.rs`, parameters filled in: a uid that looks right and is nobody's, a command
/// that exists, a number.
pub fn all() -> Vec<(String, String)> {
    let list = include_str!("../../../src/web/urls/route.rs");
    let routes: Vec<(String, String)> = list
        .lines()
        .filter_map(|line| line.strip_prefix("pub const "))
        .map(|line| {
            let (name, rest) = line.split_once(": &str = \"").unwrap();
            let pattern = rest.strip_suffix("\";").unwrap();
            let path = pattern
                .replace("{uid}", "4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01")
                .replace("{command}", "restart")
                .replace("{handle}", "0123456789abcdef")
                .replace("{name}", "app.0000000000000000.css");
            let id = if path.starts_with("/stacks/") {
                "7"
            } else {
                "4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f02"
            };
            (name.to_owned(), path.replace("{id}", id))
        })
        .collect();
    assert!(routes.len() >= 20, "{routes:?}");
    assert!(routes.iter().all(|(_, path)| !path.contains('{')), "{routes:?}");
    routes
}

/// Those that answer anybody. Everything else asks for a session.
pub const PUBLIC: [&str; 8] = [
    "HOME",
    "SIGN_IN",
    "OAUTH_CALLBACK",
    "OAUTH_CODE",
    "HELP",
    "HEALTHZ",
    "READYZ",
    "STATIC",
];
