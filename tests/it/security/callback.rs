//! S: what comes back to the callback and is no answer, or is Cloud 66's no: refused before anything is asked.

use reqwest::{Method, StatusCode};

use super::flow::{
    SESSION, SIGN_IN, app, begin, callback_of, open, query, rows, token_requests, with_parameter,
};
use crate::harness::{Ask, Cases};

/// What is refused before anything goes to Cloud 66. Each row changes a callback that would work, and afterwards the
/// callback still works: nothing was used up.
#[tokio::test]
async fn what_is_no_answer() {
    let cases = Cases::of("state", "refused");
    let app = app().await;
    let browser = app.browser();
    let callback = callback_of(&app, &browser).await;
    let login = browser.cookie(SIGN_IN).unwrap();
    let (code, state) = (
        query(&callback)["code"].clone(),
        query(&callback)["state"].clone(),
    );
    let at = |query: String| format!("{}/oauth/callback{query}", app.url);
    let flip = |text: &str| {
        let last = if text.ends_with('A') { 'B' } else { 'A' };
        format!("{}{last}", &text[..text.len() - 1])
    };
    let long = |length: usize| "a".repeat(length);
    // Case, query, cookie (none: no cookie at all), statuses that will do.
    let rows_of_refusal: Vec<(&str, String, Option<String>, &[u16])> = vec![
        ("S09", format!("?code={code}"), Some(login.clone()), &[400]),
        ("S09", format!("?code={code}&state="), Some(login.clone()), &[400]),
        ("S10", format!("?code={code}"), None, &[400]),
        ("S10", String::new(), None, &[400]),
        ("S10", "?".into(), Some(login.clone()), &[400]),
        ("S33", format!("?code={code}&state={state}"), None, &[400]),
        (
            "S33",
            format!("?code={code}&state={state}"),
            Some(String::new()),
            &[400],
        ),
        (
            "S17",
            format!("?code={code}&state={state}"),
            Some(flip(&login)),
            &[400],
        ),
        (
            "S17",
            format!("?code={code}&state={state}"),
            Some(login[..42].into()),
            &[400],
        ),
        (
            "S17",
            format!("?code={code}&state={state}"),
            Some(format!("{login}A")),
            &[400],
        ),
        (
            "S17",
            format!("?code={code}&state={state}"),
            Some(long(43)),
            &[400],
        ),
        (
            "S17",
            format!("?code={code}&state={state}"),
            Some(long(8_000)),
            &[400],
        ),
        (
            "S17",
            format!("?code={code}&state={state}"),
            Some(state.clone()),
            &[400],
        ),
        (
            "S12",
            format!("?code={code}&state={}", flip(&state)),
            Some(login.clone()),
            &[400],
        ),
        (
            "S12",
            format!("?code={code}&state={}", state.to_lowercase()),
            Some(login.clone()),
            &[400],
        ),
        (
            "S12",
            format!("?code={code}&state={}", &state[..42]),
            Some(login.clone()),
            &[400],
        ),
        (
            "S12",
            format!("?code={code}&state={state}A"),
            Some(login.clone()),
            &[400],
        ),
        (
            "S12",
            format!("?code={code}&state={state}%20"),
            Some(login.clone()),
            &[400],
        ),
        (
            "S12",
            format!("?code={code}&state=+{state}"),
            Some(login.clone()),
            &[400],
        ),
        (
            "S12",
            format!("?code={code}&state={state}%00"),
            Some(login.clone()),
            &[400],
        ),
        (
            "S12",
            format!("?code={code}&state=%ff%fe"),
            Some(login.clone()),
            &[400],
        ),
        (
            "S12",
            format!("?code={code}&state[]={state}"),
            Some(login.clone()),
            &[400],
        ),
        (
            "S12",
            format!("?code={code}&state={login}"),
            Some(login.clone()),
            &[400],
        ),
        (
            "S12",
            format!("?code={code}&state={}", long(129)),
            Some(login.clone()),
            &[400],
        ),
        (
            "S12",
            format!("?code={code}&state=' OR 1=1 --"),
            Some(login.clone()),
            &[400],
        ),
        (
            "S11",
            format!("?code={code}&state={state}&state={state}"),
            Some(login.clone()),
            &[400],
        ),
        (
            "S11",
            format!("?code={code}&code=x&state={state}"),
            Some(login.clone()),
            &[400],
        ),
        (
            "S20",
            format!("?code={code}&error=access_denied&state={state}"),
            Some(login.clone()),
            &[400],
        ),
        (
            "S11",
            format!("?error=a&error=b&state={state}"),
            Some(login.clone()),
            &[400],
        ),
        ("S20", format!("?state={state}"), Some(login.clone()), &[400]),
        ("S19", "?error=access_denied".into(), Some(login.clone()), &[400]),
        (
            "S19",
            format!("?error=access_denied&state={}", flip(&state)),
            Some(login.clone()),
            &[400],
        ),
        ("S19", format!("?error=access_denied&state={state}"), None, &[400]),
        (
            "S19",
            "?error=<script>&error_description=<b>&state=x".into(),
            Some(login.clone()),
            &[400],
        ),
        (
            "S21",
            format!("?code={code}&state={state}&iss=https%3A%2F%2Fevil.example"),
            Some(login.clone()),
            &[400],
        ),
        (
            "S21",
            format!("?code={code}&state={state}&iss="),
            Some(login.clone()),
            &[400],
        ),
        (
            "S21",
            format!("?code={code}&state={state}&iss={0}&iss={0}", app.sandbox.url()),
            Some(login.clone()),
            &[400],
        ),
        (
            "S21",
            format!(
                "?code={code}&state={state}&iss={}.evil.example",
                app.sandbox.url()
            ),
            Some(login.clone()),
            &[400],
        ),
        (
            "S21",
            format!("?error=access_denied&state={state}&iss=https%3A%2F%2Fevil.example"),
            Some(login.clone()),
            &[400],
        ),
        (
            "S25",
            format!("?code={}&state={state}", long(60_000)),
            Some(login.clone()),
            &[414, 431],
        ),
        (
            "S25",
            format!("?code={}&state={state}", long(15_000)),
            Some(login.clone()),
            &[414, 431],
        ),
    ];
    for (id, query, cookie, statuses) in rows_of_refusal {
        let case = cases.case(id);
        case.input();
        let what = query.chars().take(120).collect::<String>();
        let mut ask = Ask::get(at(query));
        if let Some(cookie) = cookie {
            ask = ask.cookie(SIGN_IN, cookie);
        }
        let page = ask.send().await;
        case.check(
            statuses.contains(&page.status.as_u16()),
            format!("{what}: {}", page.status),
        );
        case.check(page.set_cookie(SESSION).is_none(), format!("{what}: no session"));
        case.same(token_requests(&app), 0, &what);
        case.check(
            !page.body.contains(&code),
            format!("{what}: the code is not shown"),
        );
        case.check(
            !page.body.contains(&state),
            format!("{what}: the state is not shown"),
        );
    }
    // A link that is only looked at, or sent as a form, uses nothing up.
    let case = cases.case("S35");
    for method in [Method::HEAD, Method::POST, Method::PUT, Method::OPTIONS] {
        let page = Ask::new(method.clone(), callback.as_str())
            .header("sec-fetch-site", "same-origin")
            .cookie(SIGN_IN, &login)
            .send()
            .await;
        case.same(page.status, StatusCode::METHOD_NOT_ALLOWED, method);
    }
    case.same(token_requests(&app), 0, "no token request");
    case.same(rows(&app).await, (1, 0), "still under way");

    let case = cases.case("S21");
    let right = with_parameter(&callback, "iss", app.sandbox.url());
    let page = open(&browser, &right).await;
    case.check(
        page.sees_other(),
        "the right issuer, and the sign-in ends well after all of that",
    );
    case.same(token_requests(&app), 1, "one token request");
}

#[tokio::test]
async fn a_code_of_odd_length_or_letters() {
    let cases = Cases::of("state", "codes");
    let app = app().await;
    for (id, code) in [
        ("S25", String::new()),
        ("S25", "a".repeat(2_049)),
        ("S34", "a b".into()),
        ("S34", "a\nb".into()),
        ("S34", "ä".into()),
        ("S34", "\0".into()),
        ("S34", "\u{202e}".into()),
    ] {
        let case = cases.case(id);
        case.input();
        let begun = begin(&app).send().await;
        let state = &query(&begun.location().parse().unwrap())["state"];
        let mut url: url::Url = format!("{}/oauth/callback", app.url).parse().unwrap();
        url.query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("state", state);
        let page = Ask::get(url.as_str())
            .cookie(SIGN_IN, begun.cookie_value(SIGN_IN).unwrap())
            .send()
            .await;
        case.same(
            page.status,
            StatusCode::BAD_REQUEST,
            format!("{} letters", code.len()),
        );
        case.same(token_requests(&app), 0, "no token request");
    }
}

#[tokio::test]
async fn refusals_by_cloud66() {
    let cases = Cases::of("state", "denied");
    let app = app().await;
    let case = cases.case("S18");
    for (word, status, words) in [
        ("access_denied", 403, "You did not allow access"),
        ("server_error", 502, "Cloud 66 did not sign you in"),
        ("invalid_scope", 502, "Cloud 66 did not sign you in"),
        ("<script>alert(1)</script>", 502, "Cloud 66 did not sign you in"),
    ] {
        let begun = begin(&app).send().await;
        let state = query(&begun.location().parse().unwrap())["state"].clone();
        let login = begun.cookie_value(SIGN_IN).unwrap();
        let mut url: url::Url = format!("{}/oauth/callback", app.url).parse().unwrap();
        url.query_pairs_mut()
            .append_pair("error", word)
            .append_pair("error_description", "<b>marker-description</b>")
            .append_pair("state", &state);
        let ask = Ask::get(url.as_str()).cookie(SIGN_IN, &login);
        let page = ask.clone().send().await;
        case.same(page.status.as_u16(), status, word);
        case.check(page.text().contains(words), page.text());
        case.check(!page.body.contains("marker-description"), "none of its words");
        case.check(!page.body.contains("<script>"), "nor the error's name");
        case.same(
            ask.send().await.status,
            StatusCode::BAD_REQUEST,
            "the state is used up",
        );
    }
    case.same(token_requests(&app), 0, "no token request");
    case.same(rows(&app).await, (0, 0), "nothing is left");
}
