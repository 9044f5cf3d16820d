//! The rules: each bad value with the words that mend it, all mistakes at once, and what is only unwise.

use std::collections::BTreeMap;

use stackdeck::config::{Mode, SETTINGS};

use super::{read, read_for};

/// What is set, one `NAME=value` a line, and the words that the one mistake must hold.
const MISTAKES: &[(&str, &str)] = &[
    (
        "STACKDECK_SECRET=",
        "STACKDECK_SECRET is not set. Make one: openssl rand -base64 32",
    ),
    (
        "STACKDECK_SECRET=not base64!",
        "STACKDECK_SECRET is not base64. Make one: openssl rand -base64 32",
    ),
    (
        "STACKDECK_SECRET=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==",
        "is too short: it needs 32 bytes",
    ),
    (
        "STACKDECK_SECRET=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "one byte over and over",
    ),
    (
        "STACKDECK_SECRET=Q09QSUVEIEZST00gVEhFIEVYQU1QTEUgSVMgTk8gU0VDUkVU",
        "is the example from .env.example",
    ),
    (
        "STACKDECK_SECRET=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=,short",
        "STACKDECK_SECRET (number 2 of the list) is not base64.",
    ),
    (
        "STACKDECK_SECRET=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=,",
        "(number 2 of the list) is too short",
    ),
    (
        "STACKDECK_SECRET_FILE=/run/secrets/x",
        "STACKDECK_SECRET and STACKDECK_SECRET_FILE are both set. Keep one of them.",
    ),
    (
        "STACKDECK_PUBLIC_URL=deck.example.com",
        "STACKDECK_PUBLIC_URL is not a full address. Write it like",
    ),
    (
        "STACKDECK_PUBLIC_URL=ftp://deck.example.com",
        "does not begin with http:// or https://.",
    ),
    (
        "STACKDECK_PUBLIC_URL=https://",
        "STACKDECK_PUBLIC_URL is not a full address.",
    ),
    (
        "STACKDECK_PUBLIC_URL=https://me:pw@deck.example.com",
        "has a user name or password.",
    ),
    (
        "STACKDECK_PUBLIC_URL=https://deck.example.com/?a=1",
        "has a ? or #.",
    ),
    (
        "STACKDECK_PUBLIC_URL=https://deck.example.com/#a",
        "has a ? or #.",
    ),
    (
        "STACKDECK_PUBLIC_URL=https://deck.example.com\\a",
        "has a space, a backslash or a control character.",
    ),
    (
        "STACKDECK_PUBLIC_URL=https://deck.example.com/a//b",
        "has a path that holds more than",
    ),
    (
        "STACKDECK_PUBLIC_URL=https://deck.example.com/a;b",
        "has a path that holds more than",
    ),
    (
        "STACKDECK_PUBLIC_URL=https://deck.example.com/%61",
        "has a path that holds more than",
    ),
    (
        "STACKDECK_PUBLIC_URL=http://deck.example.com",
        "STACKDECK_PUBLIC_URL begins with http://, so that everybody on the way could read sessions. \
         Write https://, or set STACKDECK_INSECURE_HTTP=true",
    ),
    (
        "STACKDECK_PUBLIC_URL=http://localhost.example.com",
        "begins with http://",
    ),
    ("STACKDECK_PUBLIC_URL=http://0.0.0.0:8066", "begins with http://"),
    (
        "STACKDECK_BIND=localhost:8066",
        "STACKDECK_BIND is \"localhost:8066\". Write an IP address and a port",
    ),
    ("STACKDECK_BIND=127.0.0.1", "Write an IP address and a port"),
    ("STACKDECK_BIND=127.0.0.1:99999", "Write an IP address and a port"),
    (
        "STACKDECK_DATABASE_URL=mysql://u:hunter2@h/d",
        "is neither SQLite nor PostgreSQL. Write sqlite:",
    ),
    (
        "STACKDECK_DATABASE_URL=sqlite:",
        "STACKDECK_DATABASE_URL names no file.",
    ),
    (
        "STACKDECK_DATABASE_URL=sqlite:a.db?mode=rwc",
        "has options after the file",
    ),
    (
        "STACKDECK_DATABASE_URL=sqlite::memory:",
        "keeps everything in memory",
    ),
    (
        "STACKDECK_DATABASE_URL=postgres://u:hunter2@h",
        "names no database.",
    ),
    ("STACKDECK_DATABASE_URL=postgres:///d", "names no host."),
    (
        "STACKDECK_DATABASE_URL=postgres://u:p@h/d?sslmod=verify-full",
        "has a parameter after the ? (number 1) that is not known. Did you mean sslmode?",
    ),
    (
        "STACKDECK_DATABASE_URL=postgres://u:p@h/d?sslmode=require&sslpassword=hunter2",
        "has a parameter after the ? (number 2) that is not known. Known are sslmode,",
    ),
    (
        "STACKDECK_DATABASE_URL=postgres://u:p@h/d?connect_timeout=5",
        "(number 1) that is not known",
    ),
    (
        "STACKDECK_DATABASE_URL=postgres://u:p@h/d?SSLMODE=require",
        "that is not known",
    ),
    // A password whose ? was not escaped looks like a parameter.
    (
        "STACKDECK_DATABASE_URL=postgres://u:1?hunter2@h/d",
        "names no database",
    ),
    (
        "STACKDECK_DATABASE_URL=postgres://h/d?hunter2",
        "(number 1) that is not known",
    ),
    (
        "STACKDECK_DATABASE_URL=postgres://u:p@h/d?sslmode=verify_full",
        "has a sslmode that cannot be used. Write disable, allow, prefer, require, verify-ca, verify-full.",
    ),
    (
        "STACKDECK_DATABASE_URL=postgres://u:p@h/d?port=hunter2",
        "has a port that cannot be used. Write a number.",
    ),
    (
        "STACKDECK_DATABASE_URL=postgres://u:p@h/d?hostaddr=localhost",
        "has a hostaddr that cannot be used. Write an IP address.",
    ),
    (
        "STACKDECK_DATABASE_URL=postgres://u:p@h/d?sslmode=verify-full&sslmode=disable",
        "has the parameter sslmode twice. Keep one of them.",
    ),
    (
        "STACKDECK_DATABASE_URL=postgres://u:hunter2#@h/d",
        "is not a full PostgreSQL address (write %40",
    ),
    (
        "CLOUD66_CLIENT_SECRET=s",
        "CLOUD66_CLIENT_ID is not set. Get it from Cloud 66 → Account → Apps → Developers.",
    ),
    (
        "CLOUD66_CLIENT_ID=i",
        "CLOUD66_CLIENT_SECRET is not set. Get it from Cloud 66 → Account → Apps → Developers.",
    ),
    (
        "CLOUD66_CLIENT_ID=i\nCLOUD66_CLIENT_SECRET=hun ter2",
        "was not copied whole.",
    ),
    (
        "CLOUD66_URL=http://app.cloud66.com",
        "CLOUD66_URL begins with http://, so that everybody on the way",
    ),
    (
        "CLOUD66_URL=https://me:hunter2@app.cloud66.com",
        "has a user name or password.",
    ),
    ("CLOUD66_URL=https://app.cloud66.com?x", "has a ? or #."),
    ("CLOUD66_URL=https://app.cloud66.com/#x", "has a ? or #."),
    (
        "CLOUD66_URL=https://app.cloud66.com/api/3",
        "CLOUD66_URL has a path. Leave it out.",
    ),
    (
        "CLOUD66_API_VERSION=4",
        "CLOUD66_API_VERSION is \"4\". Write 2 or 3.",
    ),
    (
        "CLOUD66_SCOPES=public \"x\" users",
        "A scope is a word in small letters",
    ),
    ("CLOUD66_SCOPES=redeploy", "CLOUD66_SCOPES has no public."),
    (
        "CLOUD66_REDIRECT=both",
        "CLOUD66_REDIRECT is \"both\". Write callback or oob.",
    ),
    (
        "CLOUD66_PKCE=true",
        "CLOUD66_PKCE is \"true\". Write auto, on or off.",
    ),
    (
        "STACKDECK_ACCOUNTS=12,acme",
        "STACKDECK_ACCOUNTS has \"acme\". Write account numbers",
    ),
    ("STACKDECK_ACCOUNTS=,", "STACKDECK_ACCOUNTS names no account."),
    (
        "STACKDECK_CONFIRM=yes",
        "STACKDECK_CONFIRM is \"yes\". Write production, always or never.",
    ),
    (
        "STACKDECK_PRODUCTION=,",
        "STACKDECK_PRODUCTION names no environment.",
    ),
    (
        "STACKDECK_SESSION_IDLE=12",
        "STACKDECK_SESSION_IDLE is \"12\". Write a number and s, m, h or d",
    ),
    ("STACKDECK_SESSION_IDLE=0s", "STACKDECK_SESSION_IDLE is \"0s\"."),
    ("STACKDECK_SESSION_IDLE=+1h", "STACKDECK_SESSION_IDLE is \"+1h\"."),
    (
        "STACKDECK_SESSION_IDLE=1.5h",
        "STACKDECK_SESSION_IDLE is \"1.5h\".",
    ),
    (
        "STACKDECK_SESSION_LIFETIME=401d",
        "STACKDECK_SESSION_LIFETIME is \"401d\".",
    ),
    (
        "STACKDECK_SESSION_LIFETIME=99999999999999999999d",
        "from 1s to 400d.",
    ),
    (
        "STACKDECK_SESSION_LIFETIME=999999999999999999d",
        "from 1s to 400d.",
    ),
    (
        "STACKDECK_SESSION_LIFETIME=1h",
        "STACKDECK_SESSION_IDLE is longer than STACKDECK_SESSION_LIFETIME",
    ),
    (
        "STACKDECK_TRUSTED_PROXIES=0.0.0.0/0",
        "STACKDECK_TRUSTED_PROXIES has 0.0.0.0/0, which takes in strangers",
    ),
    (
        "STACKDECK_TRUSTED_PROXIES=10.0.0.0/8,::/0",
        "has ::/0, which takes in strangers",
    ),
    (
        "STACKDECK_TRUSTED_PROXIES=0.0.0.0/1,128.0.0.0/1",
        "has 0.0.0.0/1, which takes in strangers",
    ),
    (
        "STACKDECK_TRUSTED_PROXIES=::ffff:0.0.0.0/96",
        "Write an IPv4 network as IPv4",
    ),
    (
        "STACKDECK_TRUSTED_PROXIES=nginx",
        "has \"nginx\". Write addresses or networks",
    ),
    (
        "STACKDECK_METRICS_BIND=on",
        "STACKDECK_METRICS_BIND is \"on\". Write an IP address and a port",
    ),
    (
        "STACKDECK_METRICS_BIND=127.0.0.1:8066",
        "STACKDECK_METRICS_BIND is the same as STACKDECK_BIND.",
    ),
    (
        "STACKDECK_HSTS=31536000",
        "STACKDECK_HSTS is \"31536000\". Write host, include-subdomains or off.",
    ),
    (
        "STACKDECK_LOG=inof",
        "STACKDECK_LOG is \"inof\". Write off, error, warn, info, debug or trace",
    ),
    (
        "STACKDECK_LOG=stackdeck=loud",
        "STACKDECK_LOG is \"stackdeck=loud\".",
    ),
    (
        "STACKDECK_LOG_FORMAT=xml",
        "STACKDECK_LOG_FORMAT is \"xml\". Write text or json.",
    ),
    (
        "STACKDECK_INSECURE_HTTP=yes",
        "STACKDECK_INSECURE_HTTP is \"yes\". Write true or false.",
    ),
];

/// Cases G01, G02, G03, P06.
#[test]
fn each_mistake_names_its_remedy() {
    for (values, words) in MISTAKES {
        let mistakes = read(values).expect_err(&format!("{values:?} was accepted"));
        let text = mistakes.to_string();
        assert_eq!(mistakes.mistakes.len(), 1, "{values:?}: {text}");
        assert!(
            text.contains(words),
            "{values:?}:\n  said:   {text}\n  wanted: {words}"
        );
        assert!(!text.contains("hunter2"), "a secret is repeated: {text}");
        assert_eq!(
            read_for(Mode::Check, values).unwrap_err(),
            mistakes,
            "check has the rules of serve"
        );
    }
}

#[test]
fn every_mistake_is_reported_at_once() {
    let values: String = SETTINGS
        .iter()
        .filter(|setting| setting.name != "CLOUD66_CLIENT_SECRET")
        .map(|setting| match setting.name {
            // Any text is an id; that it has no secret is the mistake.
            "STACKDECK_PRODUCTION" => format!("{}=,\n", setting.name),
            name => format!("{name}=x\n"),
        })
        .collect();

    let mistakes = read(&values).unwrap_err();

    let mut found = BTreeMap::new();
    for mistake in &mistakes.mistakes {
        *found.entry(mistake.subject.as_str()).or_insert(0) += 1;
    }
    let expected: BTreeMap<_, _> = SETTINGS
        .iter()
        .filter(|setting| setting.name != "CLOUD66_CLIENT_ID")
        .map(|setting| (setting.name, 1))
        .collect();
    assert_eq!(found, expected, "{mistakes}");
    assert_eq!(
        mistakes.to_string().lines().count(),
        mistakes.mistakes.len(),
        "one line each"
    );
}

/// Case G10.
#[test]
fn what_is_unwise_is_a_warning() {
    for (values, words) in [
        (
            "STACKDECK_BIND=0.0.0.0:8066",
            "STACKDECK_BIND lets other machines connect, over plain http.",
        ),
        (
            "STACKDECK_PUBLIC_URL=http://deck.example.com\nSTACKDECK_INSECURE_HTTP=true",
            "STACKDECK_PUBLIC_URL begins with http://: everybody on the way can read sessions",
        ),
        (
            "STACKDECK_PUBLIC_URL=https://example.com/deck\nSTACKDECK_HSTS=include-subdomains\n\
             STACKDECK_TRUSTED_PROXIES=127.0.0.1",
            "STACKDECK_HSTS is include-subdomains, and nothing is said to browsers",
        ),
        (
            "STACKDECK_PUBLIC_URL=https://example.com:8443\nSTACKDECK_HSTS=include-subdomains\n\
             STACKDECK_TRUSTED_PROXIES=127.0.0.1",
            "STACKDECK_HSTS is include-subdomains, and nothing is said to browsers",
        ),
        (
            "CLOUD66_SCOPES=public redploy",
            "CLOUD66_SCOPES has redploy, which Cloud 66 does not document",
        ),
    ] {
        let warnings = read(values).unwrap().warnings;
        assert!(
            matches!(warnings.as_slice(), [one] if one.contains(words)),
            "{values:?}: {warnings:?}"
        );
    }
    // Behind TLS, listening everywhere is how containers work. Then a proxy is in front, which has to be named.
    let behind_tls = "STACKDECK_BIND=0.0.0.0:8066\nSTACKDECK_PUBLIC_URL=https://deck.example.com";
    let warnings = read(behind_tls).unwrap().warnings;
    assert!(
        matches!(&warnings[..], [one] if one.starts_with("STACKDECK_TRUSTED_PROXIES does not name the proxy")),
        "{warnings:?}"
    );
    let named = format!("{behind_tls}\nSTACKDECK_TRUSTED_PROXIES=10.0.0.0/8");
    assert_eq!(read(&named).unwrap().warnings, Vec::<String>::new());
}

#[test]
fn blank_counts_as_not_set() {
    for setting in SETTINGS
        .iter()
        .filter(|setting| setting.name != "STACKDECK_SECRET")
    {
        let settings = read(&format!("{}=  ", setting.name)).unwrap();
        assert_eq!(
            settings.describe(),
            read("").unwrap().describe(),
            "{}",
            setting.name
        );
    }
}

#[test]
fn plain_http_is_free_on_this_machine_only() {
    for url in [
        "http://localhost:8066",
        "http://deck.localhost",
        "http://127.9.9.9:1",
        "http://[::1]:8066",
    ] {
        assert!(read(&format!("STACKDECK_PUBLIC_URL={url}")).is_ok(), "{url}");
        assert!(read(&format!("CLOUD66_URL={url}")).is_ok(), "{url}");
    }
    assert!(read("CLOUD66_URL=http://cloud66.internal\nSTACKDECK_INSECURE_HTTP=true").is_ok());
}
