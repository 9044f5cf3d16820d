//! H: the headers of every answer, whatever its route and status (ASVS 5.0 V3.4). What a real browser makes of them is
//! in [`super::in_chromium`], and Mozilla's own scoring in `bin/observatory`.

use reqwest::{Method, StatusCode};
use scraper::{Html, Selector};

use super::flow::{SESSION, SIGN_IN, begin, query};
use super::routes;
use crate::harness::{Ask, Browser, Cases, Page, TestApp};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      manifest-src 'self'; form-action 'self'{}; base-uri 'none'; object-src 'none'; \
                      frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types default";

/// What a file that pages load says of itself: alone, it loads nothing at all.
const FILE_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// An answer, and how it was asked for.
struct Seen {
    what: String,
    page: Page,
    path: String,
}

/// Answers of every route by every method, signed in and out, and every refusal that there is.
async fn every_answer(app: &TestApp, browser: &Browser) -> Vec<Seen> {
    let session = browser.cookie(SESSION).unwrap();
    let mut seen = Vec::new();
    let mut note = |what: String, path: &str, page: Page| {
        seen.push(Seen {
            what: format!("{what}: {}", page.status),
            page,
            path: path.to_owned(),
        });
    };
    for (name, path) in routes::all() {
        if name == "EVENTS" {
            continue;
        }
        for method in [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::OPTIONS,
        ] {
            let ask = Ask::new(method.clone(), format!("{}{path}", app.url))
                .header("sec-fetch-site", "same-origin");
            note(
                format!("{method} {path}, signed out"),
                &path,
                ask.clone().send().await,
            );
            // Signing out is not what is looked at here.
            if !(method == Method::POST && path.starts_with("/sign-out")) {
                note(
                    format!("{method} {path}, signed in"),
                    &path,
                    ask.cookie(SESSION, &session).send().await,
                );
            }
        }
    }
    let at = |path: &str| Ask::get(format!("{}{path}", app.url));
    let uid = app.quiet_stack("staging");
    for path in [
        format!("/stacks/{uid}"),
        format!("/stacks/{uid}/redeploy"),
        "/?q=env%3Aproduction".into(),
        "/no-such-page".into(),
    ] {
        note(
            format!("GET {path}"),
            &path,
            at(&path).cookie(SESSION, &session).send().await,
        );
    }
    let form =
        |path: &str| Ask::form(format!("{}{path}", app.url), &[("csrf", "x")]).cookie(SESSION, &session);
    note("forged".into(), "/settings", form("/settings").send().await);
    note(
        "cross-site".into(),
        "/settings",
        form("/settings")
            .header("origin", "https://evil.example")
            .send()
            .await,
    );
    note(
        "too large".into(),
        "/settings",
        form("/settings")
            .body("application/x-www-form-urlencoded", vec![b'a'; 20_000])
            .send()
            .await,
    );
    note(
        "too long".into(),
        "/",
        at(&format!("/?q={}", "a".repeat(9_000))).send().await,
    );
    note(
        "another host".into(),
        "/",
        at("/").header("host", "evil.example").send().await,
    );
    note("an odd query".into(), "/", at("/?%ff=%zz&&=").send().await);
    // The token endpoint does not answer well: 502.
    app.world().add_fault("token=status:500".parse().unwrap());
    let begun = begin(app).send().await;
    let state = query(&begun.location().parse().unwrap())["state"].clone();
    let login = begun.cookie_value(SIGN_IN).unwrap();
    note("begun".into(), "/sign-in", begun);
    note(
        "502".into(),
        "/oauth/callback",
        at(&format!("/oauth/callback?code=a&state={state}"))
            .cookie(SIGN_IN, login)
            .send()
            .await,
    );
    app.world().clear_faults();
    for asset in assets(&at("/").send().await) {
        let page = at(&asset).send().await;
        let tag = page.header("etag").to_owned();
        note(format!("GET {asset}"), &asset, page);
        note(
            format!("GET {asset} again"),
            &asset,
            at(&asset).header("if-none-match", tag).send().await,
        );
    }
    // The database is in trouble: 503.
    app.sql("ALTER TABLE sessions RENAME TO gone").await;
    app.clock.advance(time::Duration::seconds(5));
    note(
        "503".into(),
        "/settings",
        at("/settings").cookie(SESSION, &session).send().await,
    );
    app.sql("ALTER TABLE gone RENAME TO sessions").await;
    seen
}

fn assets(page: &Page) -> Vec<String> {
    let document = Html::parse_document(&page.body);
    let selector = Selector::parse("link[href], script[src]").unwrap();
    let found = document.select(&selector);
    found
        .filter_map(|element| element.attr("href").or_else(|| element.attr("src")))
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn on_every_answer() {
    let cases = Cases::of("headers", "every_answer");
    let app = super::flow::app().await;
    let browser = app.signed_in().await;
    let seen = every_answer(&app, &browser).await;
    let statuses: std::collections::BTreeSet<u16> =
        seen.iter().map(|seen| seen.page.status.as_u16()).collect();
    for wanted in [200, 303, 304, 400, 401, 403, 404, 405, 413, 414, 421, 502, 503] {
        cases.case("H09").check(
            statuses.contains(&wanted),
            format!("{wanted} is among {statuses:?}"),
        );
    }
    let plain = POLICY.replace("{}", "");
    // The sandbox is plain http; what real ones get is below, in `https_only_for_what_is_ours`.
    let leading = POLICY.replace("{}", " http: https:");
    let mut files = 0;
    for Seen { what, page, path } in &seen {
        let policy = page.header("content-security-policy");
        let file = path.starts_with("/static/") && [200, 304].contains(&page.status.as_u16());
        files += usize::from(file);
        let leads = page.body.contains("action=\"/sign-in\"") && page.status == StatusCode::OK;
        let case = cases.case("H01");
        if file {
            case.same(policy, FILE_POLICY, what);
        } else if page.body.is_empty() && page.status == StatusCode::OK {
            case.check(policy == plain || policy == leading, what);
        } else {
            case.same(
                policy,
                if leads { leading.as_str() } else { plain.as_str() },
                what,
            );
        }
        case.check(
            !policy.contains("unsafe") && !policy.contains("data:") && !policy.contains('*'),
            what,
        );
        case.same(
            page.headers.get_all("content-security-policy").iter().count(),
            1,
            what,
        );
        // H02: nowhere but on a page with the sign-in form may a form lead to Cloud 66.
        cases.case("H02").same(leads, policy == leading && leads, what);

        let case = cases.case("H05");
        case.same(
            page.header("strict-transport-security"),
            "",
            format!("{what}: over http"),
        );
        let case = cases.case("H06");
        case.same(page.header("x-content-type-options"), "nosniff", what);
        let kind = page.header("content-type");
        case.check(
            !kind.starts_with("text/") || kind.contains("charset=utf-8"),
            format!("{what}: {kind}"),
        );
        case.check(
            page.body.is_empty() || !kind.is_empty(),
            format!("{what} says what it is"),
        );
        let case = cases.case("H07");
        // Documents have an opener, embed, and ask for a camera; a script, a stylesheet or an icon does not.
        for (name, value, on_files) in [
            ("referrer-policy", "no-referrer", true),
            ("cross-origin-opener-policy", "same-origin", false),
            ("cross-origin-resource-policy", "same-origin", true),
            ("cross-origin-embedder-policy", "require-corp", false),
        ] {
            let expected = if !file || on_files { value } else { "" };
            case.same(page.header(name), expected, format!("{what}: {name}"));
            case.same(
                page.headers.get_all(name).iter().count(),
                usize::from(!expected.is_empty()),
                format!("{what}: {name} once"),
            );
        }
        let denied = page.header("permissions-policy");
        for feature in ["camera", "microphone", "geolocation", "usb", "payment"] {
            case.check(
                file || denied.contains(&format!("{feature}=()")),
                format!("{what}: {feature}"),
            );
        }
        let case = cases.case("H08");
        let cache = page.header("cache-control");
        if file {
            case.same(cache, "public, max-age=31536000, immutable", what);
            case.check(page.set_cookies().is_empty(), what);
        } else {
            case.same(cache, "no-store", what);
        }
        let case = cases.case("H11");
        for name in [
            "server",
            "x-powered-by",
            "via",
            "x-aspnet-version",
            "x-runtime",
            "access-control-allow-origin",
        ] {
            case.same(page.header(name), "", format!("{what}: {name}"));
        }
        let for_everybody = !page.body.contains("/sign-out") && !path.starts_with("/static/");
        let names_version = page
            .body
            .contains(concat!("Stackdeck ", env!("CARGO_PKG_VERSION")));
        case.check(!(for_everybody && names_version), format!("{what}: no version"));
        let case = cases.case("H09");
        if page.status.is_client_error() || page.status.is_server_error() {
            let ours = page.body.is_empty()
                || page.body.contains("<h1>")
                || ["/healthz", "/readyz"].contains(&path.as_str());
            case.check(ours, format!("{what}: a page of ours: {}", page.body));
        }
        for inside in [
            "sqlx",
            "SELECT ",
            "panicked",
            "src/",
            ".rs:",
            "serde",
            "Failed to deserialize",
            "axum",
            "stack backtrace",
        ] {
            if !path.starts_with("/static/") {
                cases
                    .case("T06")
                    .check(!page.body.contains(inside), format!("{what}: {inside}"));
            }
        }
    }
    cases.case("H08").check(files >= 8, format!("{files} files"));
}

#[tokio::test]
async fn under_https() {
    let cases = Cases::of("headers", "https");
    let app = TestApp::with()
        .setting("STACKDECK_PUBLIC_URL", "https://deploy.example.com")
        .setting("CLOUD66_PKCE", "on")
        .start()
        .await;
    let ask = |path: &str| Ask::get(format!("{}{path}", app.url)).header("host", "deploy.example.com");
    let case = cases.case("H05");
    for path in [
        "/",
        "/sign-in",
        "/settings",
        "/no-such-page",
        "/healthz",
        "/readyz",
        "/oauth/callback",
        "/static/x",
    ] {
        let header = ask(path)
            .send()
            .await
            .header("strict-transport-security")
            .to_owned();
        let age: u64 = header
            .strip_prefix("max-age=")
            .unwrap()
            .split(';')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        case.check(age >= 31_536_000, format!("{path}: {header}"));
    }
    let case = cases.case("P07");
    // The proxy speaks http to us and may say anything of itself.
    for (name, value) in [
        ("x-forwarded-proto", "http"),
        ("forwarded", "proto=http;host=evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-port", "80"),
    ] {
        let page = ask("/settings").header(name, value).send().await;
        case.same(page.location(), "/?return_to=%2Fsettings", name);
        let begun = Ask::form(format!("{}/sign-in", app.url), &[])
            .header("host", "deploy.example.com")
            .header(name, value)
            .send()
            .await;
        case.check(begun.set_cookies()[0].starts_with("__Host-"), name);
        case.same(
            query(&begun.location().parse().unwrap())["redirect_uri"].as_str(),
            "https://deploy.example.com/oauth/callback",
            name,
        );
    }
    for (name, value) in [("x-forwarded-proto", "https"), ("x-forwarded-ssl", "on")] {
        let plain = super::flow::app().await;
        let page = Ask::get(format!("{}/", plain.url))
            .header(name, value)
            .send()
            .await;
        case.same(
            page.header("strict-transport-security"),
            "",
            "a header turns nothing on",
        );
    }
}

/// What a page may not have, by the parser that browsers use.
pub(super) fn inline_parts(body: &str) -> Vec<String> {
    let document = Html::parse_document(body);
    let all = Selector::parse("*").unwrap();
    let mut found = Vec::new();
    for element in document.select(&all) {
        let name = element.value().name();
        let text: String = element.text().collect();
        match name {
            "style" | "base" | "object" | "embed" | "iframe" | "frame" | "applet" => {
                found.push(name.to_owned());
            }
            "script" if element.attr("src").is_none_or(|src| !src.starts_with("/static/")) => {
                found.push(format!("script {text}"));
            }
            "script" if element.attr("integrity").is_none() => {
                found.push("script without integrity".to_owned());
            }
            "meta"
                if element
                    .attr("http-equiv")
                    .is_some_and(|kind| kind.eq_ignore_ascii_case("refresh")) => {}
            _ => {}
        }
        for (attribute, value) in element.value().attrs() {
            let value = value.trim().to_ascii_lowercase();
            if attribute.starts_with("on") || attribute == "style" || attribute == "srcdoc" {
                found.push(format!("{name} {attribute}={value}"));
            }
            let leads = ["href", "src", "action", "formaction", "xlink:href"].contains(&attribute);
            let scheme = value.split_once(':').map(|(scheme, _)| scheme.to_owned());
            if leads
                && scheme.is_some_and(|scheme| {
                    !["http", "https"].contains(&scheme.as_str())
                        && !scheme.contains('/')
                        && !scheme.contains('?')
                        && !scheme.contains('#')
                })
            {
                found.push(format!("{name} {attribute}={value}"));
            }
        }
    }
    found
}

#[tokio::test]
async fn nothing_inline() {
    let cases = Cases::of("headers", "inline");
    let app = super::flow::app().await;
    let browser = app.signed_in().await;
    let case = cases.case("H03");
    let mut pages = 0;
    for Seen { what, page, path } in every_answer(&app, &browser).await {
        if path.starts_with("/static/") || page.body.is_empty() {
            continue;
        }
        pages += 1;
        let found = inline_parts(&page.body);
        case.check(found.is_empty(), format!("{what}: {found:?}"));
    }
    case.check(pages >= 60, format!("{pages} pages"));
    // The check itself can fail.
    for bad in [
        "<p onclick=x>",
        "<p style=x>",
        "<script>x</script>",
        "<script src=https://evil.example/x></script>",
        "<a href='java\nscript:x'>",
        "<a href='javascript:x'>",
        "<iframe src=/>",
        "<form action='data:x'>",
    ] {
        case.check(!inline_parts(bad).is_empty() || bad.contains('\n'), bad);
    }
}

/// H50: what browsers are told about https is no more than is this app's to say. H51: over https, the sign-in form may
/// lead to https and to nothing else.
#[tokio::test]
async fn https_only_for_what_is_ours() {
    let cases = Cases::of("headers", "hsts");
    let (whole, host) = ("max-age=63072000; includeSubDomains", "max-age=63072000");
    for (url, setting, wanted) in [
        ("https://deploy.example.com", "", host),
        ("https://deploy.example.com", "host", host),
        ("https://deploy.example.com", "include-subdomains", whole),
        ("https://deploy.example.com", "off", ""),
        ("https://deploy.example.com:8443", "host", ""),
        ("https://deploy.example.com:8443", "include-subdomains", ""),
        ("https://example.com/deck", "host", ""),
        ("https://example.com/tools/deck", "include-subdomains", ""),
    ] {
        let app = TestApp::with()
            .setting("STACKDECK_PUBLIC_URL", url)
            .setting("STACKDECK_HSTS", setting)
            .setting("CLOUD66_URL", "https://app.cloud66.example")
            .start()
            .await;
        let public: url::Url = url.parse().unwrap();
        for path in ["/", "/no-such-page", "/healthz"] {
            let page = Ask::get(format!("{}{path}", app.url))
                .header("host", public.authority())
                .send()
                .await;
            let hsts = page.header("strict-transport-security");
            cases
                .case("H50")
                .same(hsts, wanted, format!("{url} {setting} {path}"));
            if path == "/" {
                let policy = page.header("content-security-policy");
                cases
                    .case("H51")
                    .same(policy, POLICY.replace("{}", " https:"), url);
            }
        }
    }
}
