//! Every page in every state of the gallery, read by a real HTML parser: well-formed, named, escaped, without
//! scripts or styles of its own, and linking only to where it should.

#![expect(clippy::expect_used, reason = "a check that cannot go on says so by failing")]

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::LazyLock;

use scraper::{ElementRef, Html, Selector};
use sha2::Digest as _;
use stackdeck::domain::{Command, DeploymentId, OperationId, RedeployState, StackUid};
use stackdeck::web::assets;
use stackdeck::web::pages::gallery::{self, Sample};
use stackdeck::web::urls::route;

/// Every page of the gallery, rendered once: its name and its HTML.
fn pages() -> &'static [(String, String)] {
    static PAGES: LazyLock<Vec<(String, String)>> =
        LazyLock::new(|| gallery::all("").iter().map(read).collect());
    &PAGES
}

fn read(sample: &Sample) -> (String, String) {
    (sample.name.clone(), sample.html().expect("a sample renders"))
}

fn select<'p>(page: &'p Html, selector: &str) -> Vec<ElementRef<'p>> {
    page.select(&Selector::parse(selector).expect("a selector"))
        .collect()
}

/// Runs a check over every page and reports all that it found.
fn each_page(check: impl Fn(&Html) -> Vec<String>) {
    let mut found = Vec::new();
    // The long list holds the same rows as the short one, and takes longer to read than all other pages.
    for (name, html) in pages().iter().filter(|(name, _)| name != "stacks-300") {
        let page = Html::parse_document(html);
        found.extend(check(&page).into_iter().map(|what| format!("{name}: {what}")));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_page_is_well_formed() {
    let odd = Html::parse_document("<!doctype html><title>x</title><p><b>x</p><div id=a id=b></b>");
    assert!(
        odd.errors.len() > 1,
        "the parser forgives everything: {:?}",
        odd.errors
    );
    each_page(|page| page.errors.iter().map(ToString::to_string).collect());
}

#[test]
fn every_page_has_a_language_a_title_and_one_heading() {
    each_page(|page| {
        let mut wrong = Vec::new();
        for (selector, wanted) in [
            ("html[lang=en]", 1),
            ("head > title", 1),
            ("h1", 1),
            ("main#main", 1),
            ("a.skip[href='#main']", 1),
        ] {
            let count = select(page, selector).len();
            if count != wanted {
                wrong.push(format!("{count} × {selector}"));
            }
        }
        let title: String = select(page, "title").iter().flat_map(ElementRef::text).collect();
        if !title.ends_with(" · Stackdeck") || title.len() < 14 {
            wrong.push(format!("title {title:?}"));
        }
        wrong
    });
}

#[test]
fn ids_are_unique_and_references_lead_somewhere() {
    each_page(|page| {
        let mut wrong = Vec::new();
        let mut ids = HashSet::new();
        for element in select(page, "[id]") {
            let id = element.attr("id").unwrap_or_default();
            if id.is_empty() || id.contains(char::is_whitespace) || !ids.insert(id) {
                wrong.push(format!("id {id:?} is empty, odd or there twice"));
            }
        }
        for name in [
            "for",
            "aria-labelledby",
            "aria-describedby",
            "popovertarget",
            "list",
            "data-copy",
        ] {
            for element in select(page, &format!("[{name}]")) {
                let id = element.attr(name).unwrap_or_default();
                // The dialog is named by the heading that is put into it.
                if !ids.contains(id) && id != "question" {
                    wrong.push(format!("{name}={id:?} leads nowhere"));
                }
            }
        }
        for element in select(page, "a[href^='#'], use[href]") {
            let id = element.attr("href").unwrap_or_default().trim_start_matches('#');
            if !ids.contains(id) {
                wrong.push(format!("#{id} leads nowhere"));
            }
        }
        wrong
    });
}

#[test]
fn everything_that_can_be_operated_has_a_name() {
    each_page(|page| {
        let mut wrong = Vec::new();
        for field in select(page, "input:not([type=hidden]), select, textarea") {
            let labelled = field
                .attr("id")
                .is_some_and(|id| !select(page, &format!("label[for='{id}']")).is_empty())
                || field
                    .ancestors()
                    .filter_map(ElementRef::wrap)
                    .any(|parent| parent.value().name() == "label");
            if !labelled {
                wrong.push(format!("no label: {}", field.html()));
            }
        }
        for element in select(page, "button, a[href], summary, h1, h2, legend, label") {
            if element.text().collect::<String>().trim().is_empty() {
                wrong.push(format!("no words: {}", element.html()));
            }
        }
        for element in select(
            page,
            "img:not([alt]), svg:not([aria-hidden]), progress:not([aria-label])",
        ) {
            wrong.push(format!("no name: {}", element.html()));
        }
        wrong
    });
}

#[test]
fn nothing_runs_or_paints_but_our_own_files() {
    each_page(|page| {
        let mut wrong = Vec::new();
        for element in select(page, "*") {
            for (name, value) in element.value().attrs() {
                if name.starts_with("on") || name == "style" || name.starts_with("hx-on") {
                    wrong.push(format!("{name}={value:?}"));
                }
            }
        }
        for element in select(page, "style, iframe, object, embed, base, script:not([src])") {
            wrong.push(element.html());
        }
        for script in select(page, "script") {
            let ours = script.attr("src").is_some_and(|src| src.starts_with("/static/"));
            let checked = script
                .attr("integrity")
                .is_some_and(|hash| hash.starts_with("sha384-"));
            if !(ours && checked && script.attr("defer").is_some()) {
                wrong.push(script.html());
            }
        }
        wrong
    });
}

#[test]
fn hostile_texts_are_texts() {
    each_page(|page| {
        let made_up = select(page, "img[src=x], script:not([src]), bdi > *, title > *");
        made_up.iter().map(ElementRef::html).collect()
    });
    let (_, html) = pages()
        .iter()
        .find(|(name, _)| name == "stack-hostile")
        .expect("the sample");
    let page = Html::parse_document(html);
    let heading: String = select(&page, "h1").iter().flat_map(ElementRef::text).collect();
    assert!(
        heading.contains("\"><script>alert(1)</script>'{{7*7}}<img src=x>"),
        "{heading}"
    );
}

/// Whether the router's patterns know this path.
fn is_ours(path: &str) -> bool {
    const PATTERNS: [&str; 24] = [
        "/",
        route::SIGN_IN,
        route::OAUTH_CODE,
        route::SIGN_OUT,
        route::SIGN_OUT_EVERYWHERE,
        route::STACK,
        route::PIN,
        route::VIEWS,
        route::REDEPLOY,
        route::CANCEL,
        route::ACTION,
        route::RECEIPTS,
        route::RECEIPT,
        route::BULK,
        route::BATCH,
        route::ACTIVITY,
        route::SEARCH,
        route::SETTINGS,
        route::END_SESSION,
        route::HELP,
        route::EVENTS,
        route::HEALTHZ,
        route::READYZ,
        route::STATIC,
    ];
    let path = path.split(['?', '#']).next().unwrap_or_default();
    PATTERNS.iter().any(|pattern| {
        let (wanted, given) = (pattern.split('/'), path.split('/'));
        wanted.clone().count() == given.clone().count()
            && wanted.zip(given).all(|(wanted, given)| fits(wanted, given))
    })
}

/// Whether one part of a path fits one part of a pattern.
fn fits(wanted: &str, given: &str) -> bool {
    match wanted {
        "{uid}" => given.parse::<StackUid>().is_ok(),
        "{id}" => given.parse::<OperationId>().is_ok() || given.parse::<DeploymentId>().is_ok(),
        "{command}" => Command::parse(given).is_some_and(|command| command != Command::Redeploy),
        "{handle}" => !given.is_empty() && given.bytes().all(|b| b.is_ascii_hexdigit()),
        "{name}" => assets::ALL.iter().any(|asset| asset.file == given),
        _ => wanted == given,
    }
}

#[test]
fn every_link_leads_to_a_page_of_ours_or_to_the_web() {
    each_page(|page| {
        let mut wrong = Vec::new();
        for name in [
            "href",
            "action",
            "src",
            "hx-get",
            "hx-post",
            "data-events",
            "data-help",
            "data-search",
        ] {
            for element in select(page, &format!("[{name}]")) {
                let target = element.attr(name).unwrap_or_default();
                let outside = target.starts_with("https://") || target.starts_with("http://");
                let quiet = element.attr("rel").is_some_and(|rel| rel.contains("noreferrer"));
                let fine = match target {
                    "" => element.value().name() == "a",
                    _ if target.starts_with('#') => true,
                    _ if outside => name == "href" && quiet,
                    _ => target.starts_with('/') && is_ours(target),
                };
                if !fine {
                    wrong.push(format!("{name}={target:?}"));
                }
            }
        }
        wrong
    });
}

#[test]
fn every_form_that_changes_something_carries_the_token() {
    each_page(|page| {
        let mut wrong = Vec::new();
        for form in select(page, "form[method=post]") {
            let action = form.attr("action").unwrap_or_default();
            let open = action == "/sign-in" || action == "/oauth/code";
            let tokens = form
                .select(&Selector::parse("input[name=csrf]").expect("a selector"))
                .count();
            if tokens != usize::from(!open) {
                wrong.push(format!("{action} has {tokens} tokens"));
            }
        }
        for element in select(
            page,
            "a[href*='sign-out'], a[href$='/pin'], a[href$='/views'], a[href$='/end']",
        ) {
            wrong.push(format!("a link that would change something: {}", element.html()));
        }
        wrong
    });
}

#[test]
fn a_path_prefix_is_kept_everywhere() {
    for sample in gallery::all("/deck") {
        let (name, html) = read(&sample);
        let page = Html::parse_document(&html);
        for attribute in [
            "href",
            "action",
            "src",
            "hx-get",
            "hx-post",
            "data-events",
            "data-help",
        ] {
            for element in select(&page, &format!("[{attribute}^='/']")) {
                let target = element.attr(attribute).unwrap_or_default();
                assert!(target.starts_with("/deck/"), "{name}: {attribute}={target}");
            }
        }
    }
}

#[test]
fn a_row_holds_nothing_of_the_page_load() {
    let (_, html) = pages()
        .iter()
        .find(|(name, _)| name == "stacks")
        .expect("the sample");
    let page = Html::parse_document(html);
    assert_eq!(select(&page, "#page-op input[name=op]").len(), 1);
    assert_eq!(select(&page, "#page-op input[name=csrf]").len(), 1);
    for row in select(&page, ".row") {
        let text = row.html();
        assert!(
            !text.contains("c3JmLXRva2Vu") && !text.contains("bmV3LWVhY2gtdGltZQ"),
            "{text}"
        );
    }
    for part in ["state", "ver", "act"] {
        assert_eq!(
            select(&page, &format!(".row > [id^='{part}-']")).len(),
            select(&page, ".row").len()
        );
    }
}

#[test]
fn production_is_asked_about_and_staging_is_one_click() {
    let (_, html) = pages()
        .iter()
        .find(|(name, _)| name == "stacks")
        .expect("the sample");
    let page = Html::parse_document(html);
    for row in select(&page, "li.row") {
        let is_production = row
            .select(&Selector::parse(".env.prod").expect("a selector"))
            .count()
            > 0;
        let direct = row
            .select(&Selector::parse("button[hx-post]").expect("a selector"))
            .count();
        assert!(!(is_production && direct > 0), "{}", row.html());
    }
    assert!(!select(&page, "button[hx-post]").is_empty());
}

/// The text of a sample's page, without what surrounds it.
fn text_of(wanted: &str) -> String {
    let (_, html) = pages()
        .iter()
        .find(|(name, _)| name == wanted)
        .expect("the sample");
    let page = Html::parse_document(html);
    let main = select(&page, "main");
    let words: Vec<&str> = main.iter().flat_map(ElementRef::text).collect();
    words.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_receipt_claims_only_what_is_known() {
    for (claim, only) in [
        ("Nothing was started.", vec!["receipt-refused"]),
        (
            "will not be sent again",
            vec!["receipt-unknown", "receipt-unknown-v2"],
        ),
        ("no record of it", vec!["receipt-lost"]),
        ("Nothing was sent.", vec!["receipt-not-sent"]),
        ("Cloud 66 said no", vec![]),
        (
            "has no way to ask whether it has the request",
            vec!["receipt-not-known"],
        ),
        ("is on the servers", vec!["receipt-succeeded"]),
        ("was stopped", vec!["receipt-cancelled"]),
        ("Cancel this deploy…", vec!["receipt-running", "receipt-silent"]),
        ("Cloud 66 is at work on it", vec!["receipt-running"]),
        (
            "It was running when Cloud 66 last answered.",
            vec!["receipt-silent"],
        ),
        ("How it ended is not known here.", vec!["receipt-given-up"]),
        ("Cancelling", vec!["receipt-cancelling"]),
        ("starts when the operation before it ends", vec!["receipt-queued"]),
    ] {
        for (name, _) in pages().iter().filter(|(name, _)| name.starts_with("receipt-")) {
            assert_eq!(
                text_of(name).contains(claim),
                only.contains(&name.as_str()),
                "{name}: {claim}"
            );
        }
    }
}

#[test]
fn an_end_can_be_asked_for_again_and_nothing_else_can() {
    for state in RedeployState::ALL {
        let text = text_of(&format!("receipt-{}", state.as_str()));
        assert_eq!(text.contains("Redeploy again…"), state.is_end(), "{state:?}");
    }
}

#[test]
fn the_confirm_page_names_each_risk_and_only_those_there_are() {
    let risks = [
        "Another deploy is running. This one starts when it ends.",
        "Maintenance mode is on. Visitors keep seeing the maintenance page.",
        "This changes code only. It does not undo database changes.",
        "The next push to main will deploy over this.",
    ];
    for (name, expected) in [
        ("redeploy", vec![]),
        ("redeploy-busy", vec![0, 1]),
        ("redeploy-back", vec![2, 3]),
        ("redeploy-docker", vec![]),
    ] {
        let text = text_of(name);
        let found: Vec<usize> = (0..risks.len())
            .filter(|number| text.contains(risks[*number]))
            .collect();
        assert_eq!(found, expected, "{name}");
    }
    for (name, queue, git_ref, services) in [
        ("redeploy", 0, 1, 0),
        ("redeploy-busy", 1, 1, 0),
        ("redeploy-docker", 0, 0, 3),
        ("redeploy-v2", 0, 0, 0),
    ] {
        let (_, html) = pages()
            .iter()
            .find(|(known, _)| known == name)
            .expect("the sample");
        let page = Html::parse_document(html);
        let count = |field: &str| select(&page, &format!("input[name={field}]")).len();
        let found = (count("queue_ok"), count("git_ref"), count("services"));
        assert_eq!(found, (queue, git_ref, services), "{name}");
    }
}

#[test]
fn only_those_who_may_are_offered_actions() {
    for (name, offered) in [
        ("stack", true),
        ("stack-view-only", false),
        ("stack-read-only", false),
    ] {
        let text = text_of(name);
        for action in ["Deploy again…", "Restart…", "Clear caches…", "Redeploy…"] {
            assert_eq!(text.contains(action), offered, "{name}: {action}");
        }
    }
    assert!(text_of("stack-read-only").contains("Allow redeploys"));
    assert!(text_of("stack-view-only").contains("Ask an administrator for the Deployer role."));
}

#[test]
fn what_changed_is_narrowed_by_the_address() {
    assert!(text_of("activity").contains("16 deploys of 15 stacks"));
    assert!(!text_of("activity-failed").contains("Deployed"));
    assert!(text_of("activity-failed").contains("Not every stack’s deploys are known yet."));
    assert!(text_of("activity-none").contains("Nothing changed."));
}

/// Each piece for an open page is addressed to a place that some page has, and to no place twice.
#[test]
fn pieces_for_open_pages_find_their_place() {
    let places: HashSet<String> = pages()
        .iter()
        .filter(|(name, _)| name != "stacks-300")
        .flat_map(|(_, html)| {
            let page = Html::parse_document(html);
            let ids = select(&page, "[id]");
            ids.iter()
                .filter_map(|element| element.attr("id").map(str::to_owned))
                .collect::<Vec<_>>()
        })
        .collect();
    for (name, html) in gallery::pieces("").expect("they render") {
        let piece = Html::parse_document(html.as_str());
        let addressed = select(&piece, "[hx-swap-oob]");
        assert!(!addressed.is_empty(), "{name}");
        let mut ids = HashSet::new();
        for element in addressed {
            let id = element.attr("id").unwrap_or_default();
            assert!(places.contains(id), "{name}: no page has #{id}");
            assert!(ids.insert(id), "{name}: #{id} twice");
        }
        assert!(
            select(&piece, "img[src=x], script").is_empty(),
            "{name}: {}",
            html.as_str()
        );
        let top = select(&piece, "head > *, body > *").len();
        let titles = select(&piece, "title").len();
        assert_eq!(
            top - titles,
            ids.len(),
            "{name}: something stands beside the addressed parts"
        );
    }
}

#[test]
fn words_to_avoid_are_avoided() {
    each_page(|page| {
        let text: String = page
            .root_element()
            .text()
            .collect::<Vec<_>>()
            .join(" ")
            .to_lowercase();
        // Cloud 66's own label, shown as such.
        let text = text.replace("status 1 deployed successfully", "");
        ["oops", "please", "successfully", "invalid", "are you sure"]
            .iter()
            .filter(|word| text.contains(**word))
            .map(ToString::to_string)
            .collect()
    });
}

/// Case Y07.
#[test]
fn vendored_scripts_are_what_their_readme_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("static/vendor");
    let readme = std::fs::read_to_string(folder.join("README.md")).expect("the README");
    let mut scripts = 0;
    for entry in std::fs::read_dir(&folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|ending| ending == "js") {
            scripts += 1;
            let bytes = std::fs::read(&path).expect("a script");
            let sum = sha2::Sha256::digest(bytes)
                .iter()
                .fold(String::new(), |sum, byte| sum + &format!("{byte:02x}"));
            assert!(readme.contains(&sum), "{}: {sum}", path.display());
        }
    }
    assert_eq!(scripts, 2);
}

#[test]
fn our_script_evaluates_and_writes_no_markup() {
    let script = std::str::from_utf8(assets::APP_JS.plain).expect("text");
    for banned in [
        "eval(",
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "new Function",
    ] {
        assert!(!script.contains(banned), "{banned}");
    }
}

fn gzipped(text: &[u8]) -> usize {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    packer.write_all(text).expect("memory");
    packer.finish().expect("memory").len()
}

#[test]
fn pages_stay_within_their_weight() {
    let packed = |asset: &assets::Asset| asset.brotli.map_or(asset.plain.len(), <[u8]>::len);
    let css = packed(&assets::APP_CSS);
    let ours = packed(&assets::APP_JS);
    let vendor = packed(&assets::VENDOR_JS);
    let size = |wanted: &str| {
        let (_, html) = pages()
            .iter()
            .find(|(name, _)| name == wanted)
            .expect("the sample");
        gzipped(html.as_bytes())
    };
    let (list, long) = (size("stacks"), size("stacks-300"));
    println!("css {css}, script {ours}, vendor {vendor}, list {list}, 300 stacks {long}");
    assert!(css <= 6_144, "stylesheet: {css}");
    // Three kilobytes of our own, and a quarter for the Trusted Types policy in front of it.
    assert!(ours <= 3_328, "own script: {ours}");
    assert!(vendor <= 22_528, "vendored scripts: {vendor}");
    assert!(list <= 12_288, "30 stacks: {list}");
    assert!(long <= 40_960, "300 stacks: {long}");
    assert!(
        css + ours + vendor + list + packed(&assets::ICON) <= 40_960,
        "first view"
    );
}

/// Writes the gallery to `target/gallery`, for people to look at: serve that folder and open `index.html`.
#[test]
#[ignore = "writes files for people to look at"]
fn write_the_gallery() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/gallery");
    std::fs::create_dir_all(folder.join("static")).expect("a folder");
    for asset in assets::ALL {
        std::fs::write(folder.join("static").join(asset.file), asset.plain).expect("a file");
    }
    let mut index = String::from("<!doctype html><meta charset=utf-8><title>Gallery</title><ul>");
    for (name, html) in pages() {
        std::fs::write(folder.join(format!("{name}.html")), html).expect("a file");
        writeln!(index, "<li><a href='{name}.html'>{name}</a>").expect("memory");
    }
    for (name, html) in gallery::pieces("").expect("they render") {
        std::fs::write(folder.join(format!("{name}.piece")), html.as_str()).expect("a file");
    }
    std::fs::write(folder.join("index.html"), index).expect("a file");
}
