//! R: where a sign-in returns to (RFC 9700 section 4.11). The corpus is made by rule, in [`corpus`]; the judge of
//! where a `Location` leads is the URL parser of browsers (the WHATWG's, in the `url` crate).

use std::collections::BTreeSet;

use proptest::prelude::{ProptestConfig, any, proptest};
use proptest::strategy::Strategy as _;
use stackdeck::domain::ReturnTo;
use stackdeck::web::Urls;
use time::Duration;
use url::Url;

use super::flow::{SIGN_IN, open, query};
use crate::harness::{Ask, Cases, TestApp};

const UID: &str = "4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01";

/// Signs in with this `return_to` and gives the `Location` of the answer. The fake Cloud 66 takes any code.
async fn location_after(app: &TestApp, return_to: &str) -> String {
    let begun = Ask::form(format!("{}/sign-in", app.url), &[("return_to", return_to)])
        .send()
        .await;
    if !begun.sees_other() {
        return format!("{} at the start", begun.status);
    }
    let state = query(&begun.location().parse().unwrap())["state"].clone();
    let page = Ask::get(format!("{}/oauth/callback?code=abc&state={state}", app.url))
        .cookie(SIGN_IN, begun.cookie_value(SIGN_IN).unwrap())
        .send()
        .await;
    page.location().to_owned()
}

async fn quick_app() -> (TestApp, super::cloud66::Fake) {
    let fake = super::cloud66::start(|_, _| super::cloud66::token("abc")).await;
    let app = TestApp::with()
        .setting("CLOUD66_URL", fake.url.as_str())
        .setting("CLOUD66_PKCE", "off")
        .start()
        .await;
    (app, fake)
}

#[tokio::test]
async fn every_way_out_leads_home() {
    let cases = Cases::of("return_to", "ways_out");
    let (app, _fake) = quick_app().await;
    let long = "/a".repeat(2_500);
    let table: Vec<(&str, Vec<&str>)> = vec![
        (
            "R01",
            vec![
                "https://evil.example",
                "HTTPS://EVIL.EXAMPLE/",
                "http://evil.example/stacks",
            ],
        ),
        ("R02", vec!["//evil.example", "//evil.example/stacks"]),
        ("R03", vec!["///evil.example"]),
        ("R04", vec!["////evil.example/%2f..", "////evil.example"]),
        (
            "R05",
            vec![
                "/\\evil.example",
                "\\/evil.example",
                "\\\\evil.example",
                "/\\/evil.example",
            ],
        ),
        (
            "R06",
            vec!["/%5cevil.example", "/%5c%5cevil.example", "%5c%5cevil.example"],
        ),
        (
            "R07",
            vec![
                "/\t/evil.example",
                "/\n/evil.example",
                "/\r/evil.example",
                "\t//evil.example",
            ],
        ),
        ("R08", vec!["/%09/evil.example", "/%0a/evil.example"]),
        (
            "R09",
            vec![
                "/%0d%0aLocation:%20//evil.example",
                "/\r\nLocation: //evil.example",
                "/%0d%0a%0d%0a<script>",
            ],
        ),
        (
            "R10",
            vec!["/%0b/evil.example", "/\u{b}/evil.example", "/\u{c}/evil.example"],
        ),
        ("R11", vec!["/./\\evil.example"]),
        ("R12", vec!["/.//evil.example", "/..//evil.example"]),
        (
            "R13",
            vec!["/stacks/..//evil.example", "/stacks/../../evil.example"],
        ),
        ("R14", vec!["https:evil.example", "https:/evil.example"]),
        ("R15", vec!["http:///evil.example", "http:\\\\evil.example"]),
        (
            "R16",
            vec![
                "https://our.host@evil.example",
                "//our.host@evil.example",
                "@evil.example",
            ],
        ),
        ("R17", vec!["https://our.host.evil.example", ".evil.example"]),
        ("R18", vec!["//our.host\\@evil.example"]),
        (
            "R19",
            vec![
                "javascript:alert(1)",
                "JaVaScRiPt:alert(1)",
                "javascript://evil.example/%0aalert(1)",
            ],
        ),
        (
            "R20",
            vec![
                "java%09script:alert(1)",
                "java\tscript:alert(1)",
                "\u{1}javascript:alert(1)",
            ],
        ),
        (
            "R21",
            vec![
                "data:text/html,x",
                "vbscript:x",
                "blob:https://evil.example/x",
                "file:///etc/passwd",
            ],
        ),
        (
            "R22",
            vec![
                "〵evil.example",
                "/。/evil",
                "／／evil.example",
                "/\u{2028}/evil.example",
                "/\u{feff}/evil",
            ],
        ),
        (
            "R23",
            vec!["http://0xd83ad6ce", "//[::1]", "//3627734734", "//127.1"],
        ),
        (
            "R24",
            vec![
                "%2f%2fevil.example",
                "%252f%252fevil.example",
                "/%2f%2fevil.example",
                "/%252fevil.example",
            ],
        ),
        ("R25", vec!["/%00/evil.example", "/\0/evil.example", &long, ""]),
        (
            "R28",
            vec![
                "/sign-out",
                "/sign-out/everywhere",
                "/oauth/callback",
                "/oauth/code",
                "/sign-in",
                "/events",
                "/healthz",
                "/settings/sessions/0123456789abcdef/end",
                "/static/app.css",
                "/?next=x",
                "/#x",
                "/help/../sign-out",
            ],
        ),
        (
            "R30",
            vec![
                "/stacks/4F6C0E2B9D1A4C7E8B3F5A6D7C8E9F01",
                "/stacks/4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f0",
                "/stacks/4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f011",
                "/stacks/4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01/redeploy",
                "/stacks/4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01#x",
                "//stacks/4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01",
                "/stacks/4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01/",
                " /stacks/4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01",
                "/activity/",
                "/ACTIVITY",
                "/settings;x",
            ],
        ),
    ];
    for (id, inputs) in table {
        for input in inputs {
            let case = cases.case(id);
            case.input();
            app.clock.advance(Duration::seconds(5));
            let shown: String = input.chars().take(60).collect();
            case.same(
                location_after(&app, input).await,
                "/".to_owned(),
                format!("{shown:?}"),
            );
            // Where the page says what it will return to, it says our own page too.
            let mut page: Url = format!("{}/", app.url).parse().unwrap();
            page.query_pairs_mut().append_pair("return_to", &shown);
            let page = Ask::get(page.as_str()).send().await;
            case.same(
                page.attribute("input[name=return_to]", "value").as_deref(),
                Some("/"),
                "in the form",
            );
        }
    }
    let case = cases.case("R27");
    for kept in [
        "/",
        "/activity",
        "/settings",
        &format!("/stacks/{UID}"),
        &format!("/redeploys/{UID}"),
    ] {
        app.clock.advance(Duration::seconds(5));
        case.same(
            location_after(&app, kept).await,
            kept.to_owned(),
            "our own page is kept",
        );
    }
}

#[tokio::test]
async fn only_the_form_says_where() {
    let cases = Cases::of("return_to", "headers");
    let (app, _fake) = quick_app().await;
    let case = cases.case("R29");
    for name in [
        "x-forwarded-uri",
        "x-auth-request-redirect",
        "x-original-url",
        "x-rewrite-url",
        "referer",
        "x-forwarded-prefix",
    ] {
        for value in ["https://evil.example/", "/settings"] {
            let begun = Ask::form(format!("{}/sign-in?return_to=/settings", app.url), &[])
                .header(name, value)
                .header("cookie", "return_to=/settings; rd=/settings")
                .send()
                .await;
            let state = query(&begun.location().parse().unwrap())["state"].clone();
            let page = Ask::get(format!(
                "{}/oauth/callback?code=abc&state={state}&return_to=/settings",
                app.url
            ))
            .header(name, value)
            .cookie(SIGN_IN, begun.cookie_value(SIGN_IN).unwrap())
            .send()
            .await;
            case.same(page.location(), "/", format!("{name}: {value}"));
        }
    }
    let twice = Ask::form(
        format!("{}/sign-in", app.url),
        &[("return_to", "/settings"), ("return_to", "//evil.example")],
    );
    case.same(
        twice.send().await.status.as_u16(),
        400,
        "a field that comes twice",
    );
    // A page that needs a signed-in person leads to the sign-in and back, whatever its address ends in.
    for path in [
        "/stacks/x%2f..%2f..%2fevil",
        "/stacks/%2e%2e/evil",
        "//evil.example",
        "/\\evil.example",
    ] {
        let browser = app.browser();
        let page = open(&browser, &format!("{}{path}", app.url).parse().unwrap()).await;
        let location = page.location();
        case.check(
            location.is_empty() || location == "/" || location == "/?return_to=%2F",
            format!("{path}: {location}"),
        );
    }
}

/// Inputs made by rule: every prefix that may hide an authority, with every way to write the host, raw and encoded.
fn corpus() -> BTreeSet<String> {
    let schemes = [
        "",
        "https:",
        "HTTP:",
        "http:",
        "javascript:",
        "data:",
        "ftp:",
        "\thttps:",
        "https\u{3a}",
        " https:",
    ];
    let separators = [
        "/",
        "//",
        "///",
        "////",
        "\\",
        "\\\\",
        "/\\",
        "\\/",
        "/\\/",
        "//\\",
        "/./",
        "/.//",
        "/../",
        "/..//",
        "/.\\",
        "/\t/",
        "/\n/",
        "/\r/",
        "/\r\n/",
        "/\0/",
        "/\u{b}/",
        "/\u{c}/",
        "/\u{7f}/",
        "/ /",
        "/\u{a0}/",
        "/\u{2028}/",
        "/\u{200b}/",
        "/%09/",
        "/%0a/",
        "/%0d/",
        "/%2f",
        "/%5c",
        "/%2f%2f",
        "/%252f",
        "/;/",
        "/?//",
        "/#//",
        "/stacks//",
        "/stacks/../",
        "／／",
        "/〵",
        "/。/",
        "\u{1}//",
        "@",
        "/@",
    ];
    let hosts = [
        "evil.example",
        "our.host@evil.example",
        "our.host:80@evil.example",
        "our.host\\@evil.example",
        "our.host.evil.example",
        "localhost@evil.example",
        "EVIL.EXAMPLE",
        "evil。example",
        "%65vil.example",
        "[::1]",
        "0xd83ad6ce",
        "evil.example:443/stacks/4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01",
        "evil.example/%2f..",
    ];
    let mut corpus = BTreeSet::new();
    for scheme in schemes {
        for separator in separators {
            for host in hosts {
                let raw = format!("{scheme}{separator}{host}");
                if scheme.is_empty() || host == "evil.example" {
                    let encoded: String = raw
                        .bytes()
                        .map(|byte| match byte {
                            b'/' | b'\\' | b':' | b'@' | 0..=32 | 127.. => format!("%{byte:02x}"),
                            _ => char::from(byte).to_string(),
                        })
                        .collect();
                    corpus.insert(encoded);
                }
                corpus.insert(raw);
            }
        }
    }
    corpus
}

/// Where a browser at our home page goes when it is sent `location`.
fn leads_to(location: &str) -> Option<Url> {
    "https://our.host/".parse::<Url>().unwrap().join(location).ok()
}

fn stays(location: &str) -> bool {
    leads_to(location).is_some_and(|url| url.origin().ascii_serialization() == "https://our.host")
}

/// Every input of the corpus through the parser that both the form and the stored row go through, and a share of it
/// through the whole sign-in. The judge is held against two simpler rules, to show that the corpus bites (M11).
#[tokio::test]
async fn a_corpus_made_by_rule() {
    let cases = Cases::of("return_to", "corpus");
    let case = cases.case("R26");
    let corpus = corpus();
    case.check(corpus.len() >= 1_000, format!("{} inputs", corpus.len()));
    let urls = Urls::new("");
    let (mut one_slash, mut joined) = (0, 0);
    for input in &corpus {
        case.input();
        let location = urls.return_to(&ReturnTo::parse(input));
        case.check(stays(&location), format!("{input:?} leads to {location}"));
        case.same(location.as_str(), "/", format!("{input:?} is none of our pages"));
        let decoded: String = url::form_urlencoded::parse(format!("x={input}").as_bytes())
            .map(|(_, value)| value.into_owned())
            .collect();
        case.same(
            urls.return_to(&ReturnTo::parse(&decoded)).as_str(),
            "/",
            format!("{decoded:?}"),
        );
        // The usual rule, "begins with one slash", and the careful one, "joined, it has our origin".
        one_slash += usize::from(input.starts_with('/') && !input.starts_with("//") && !stays(input));
        joined += usize::from(stays(input));
    }
    case.check(
        one_slash >= 10,
        format!("{one_slash} inputs leave by the usual rule"),
    );
    case.check(
        joined >= 100,
        format!("{joined} inputs are let through by the careful one"),
    );

    let (app, _fake) = quick_app().await;
    for input in corpus.iter().step_by(29) {
        app.clock.advance(Duration::seconds(5));
        case.input();
        case.same(
            location_after(&app, input).await,
            "/".to_owned(),
            format!("{input:?} through a sign-in"),
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    /// R26 again: whatever text is given, the answer is one of our pages, and reading it again gives the same.
    #[test]
    fn no_text_leads_away(text in any::<String>().prop_map(|text| text.chars().take(200).collect::<String>())) {
        let location = Urls::new("").return_to(&ReturnTo::parse(&text));
        assert!(stays(&location), "{text:?} leads to {location}");
        assert_eq!(ReturnTo::parse(&location).to_string(), location);
    }

    /// The same for what looks like a path of ours.
    #[test]
    fn no_path_leads_away(text in "(/|//|\\\\|/stacks/|/redeploys/|/settings|/activity){1,3}[0-9a-f]{0,33}[/\\\\.?#@%\t ]{0,4}[a-z.]{0,12}") {
        let location = Urls::new("/deck").return_to(&ReturnTo::parse(&text));
        assert!(stays(&location) && location.starts_with("/deck/"), "{text:?} leads to {location}");
    }
}

/// R50: a link to a view, given to somebody who is not signed in, leads to that view, whatever stands in its query.
#[tokio::test]
async fn a_link_with_a_query_comes_back_to_it() {
    let cases = Cases::of("return_to", "views");
    let case = cases.case("R50");
    for mode in ["callback", "oob"] {
        let app = TestApp::with().setting("CLOUD66_REDIRECT", mode).start().await;
        let uid = app.quiet_stack("staging");
        for link in [
            "/?q=env%3Aproduction&sort=name",
            "/?q=%22%2F%2Fevil.example%0D%0A",
            "/activity?hours=24&result=failed",
            "/redeploys",
            "/redeploys?before=4f6c0e2b9d1a4c7e8b3f5a6d7c8e9f01",
            "/search?q=checkout+web",
            &format!("/stacks/{uid}"),
            &format!("/redeploys/batches/{UID}?stacks={uid}"),
        ] {
            let browser = app.browser();
            let first = browser.get(link).await;
            case.same(first.status, reqwest::StatusCode::OK, link);
            let page = if mode == "oob" {
                let code_page = browser
                    .get(&first.attribute("a.btn.primary", "href").unwrap())
                    .await;
                let ask = browser
                    .get(&code_page.attribute("a[target=_blank]", "href").unwrap())
                    .await;
                let at_cloud66 = browser.submit(&ask, "Go on to Cloud 66").await;
                let shown = browser.allow(at_cloud66, &app.main_person()).await;
                let code = shown.texts("code").remove(0);
                browser.send(code_page.form("Sign in").set("code", &code)).await
            } else {
                let at_cloud66 = browser.submit(&first, "Sign in with Cloud 66").await;
                browser.allow(at_cloud66, &app.main_person()).await
            };
            let came_to = &page.url[url::Position::BeforePath..];
            case.same(came_to, link, format!("{mode}: {}", page.text()));
        }
    }
}

/// R51: when Cloud 66 takes the sign-in back, signing in again leads to the page that was asked for, with its query.
#[tokio::test]
async fn a_sign_in_that_was_taken_back_leads_back_too() {
    let cases = Cases::of("return_to", "taken_back");
    let case = cases.case("R51");
    for link in ["/?q=env%3Aproduction", "/activity?hours=24"] {
        let app = TestApp::start().await;
        let browser = app.signed_in().await;
        app.world().revoke_tokens_of(&app.main_person());
        app.clock.advance(Duration::minutes(5));
        let page = browser.get(link).await;
        let again = page.attribute("a[href*='/sign-in']", "href");
        let again = again.unwrap_or_else(|| panic!("{link}: {}", page.text()));
        let return_to = query(&browser.address(&again))["return_to"].clone();
        case.same(return_to.as_str(), link, "after signing in again");
    }
}
