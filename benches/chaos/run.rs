//! One run, from the first process to the verdict.

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sqlx::Connection as _;
use stackdeck::domain::{Clock, Random};
use stackdeck::sandbox::{self, RateLimit, Role, Sandbox, World};
use time::OffsetDateTime;
use url::Url;

use crate::books::{self, Books, Line};
use crate::browser::{self, Browser};
use crate::dice::Dice;
use crate::faults::{self, Seen};
use crate::judge::{Facts, Finding, judge};
use crate::killer::{self, Deaths};
use crate::mishaps::{Happened, Mishaps};
use crate::options::{Database, Options};
use crate::person::{Crowd, Person};
use crate::processes::{Process, free_port};
use crate::report::Report;
use crate::{Fallible, complain, say, told};

/// The people of the sandbox who may redeploy, for the first sessions: two of them have a few stacks only, on
/// which others press as well.
const FIRST: [&str; 2] = ["jun@northlight.example", "priya@harbourfinch.example"];
/// Those who have most stacks, for all other sessions.
const OTHERS: [&str; 2] = ["maya@harbourfinch.example", "tomas@harbourfinch.example"];

/// Who redeploys many stacks by one form.
const BATCHES: &str = "maya@harbourfinch.example";

/// How long a deploy takes by the clock, about.
const DEPLOY_TIME: Duration = Duration::from_secs(30);

/// After the last click, how long until every row has to be at its end: the six hours for which the app follows what
/// does not end, and some. By the clock that is sped up, and moved ahead by a step whenever rows are still open after
/// a pause.
const PATIENCE: Duration = Duration::from_hours(8);
const STEP: Duration = Duration::from_mins(20);
const PAUSE: Duration = Duration::from_secs(2);

/// How often somebody tries to sign in before the run begins.
const SIGN_IN_TRIES: u32 = 20;

/// How long a busy machine may take between a decision of the app and its request, in its own time.
const SLACK: Duration = Duration::from_secs(2);

/// How often the sandbox's journal is read; it holds 20,000 entries.
const READ_EVERY: Duration = Duration::from_millis(250);

/// More requests in an hour than this run makes: throttling is a fault here, not an accident.
const PER_HOUR: u32 = 900_000;

/// The address and the secret of the app under test.
struct App {
    public: Url,
    database: String,
    secret: Vec<u8>,
}

/// What a run came to.
pub(crate) struct Outcome {
    text: String,
    findings: Vec<String>,
}

impl Outcome {
    /// Prints it; 1 where something is wrong.
    pub(crate) fn tell(&self) -> ExitCode {
        say(&self.text);
        for finding in &self.findings {
            complain(finding);
        }
        if self.findings.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

/// Makes the run that the options describe.
pub(crate) async fn run(options: &Options) -> Fallible<Outcome> {
    let began = Instant::now();
    let start = whole_millis(Clock::system().now())?;
    let folder = tempfile::tempdir()?;
    let public: Url = format!("http://localhost:{}", free_port()?).parse()?;
    let sandbox = Sandbox::start(sandbox::Options {
        seed: options.seed,
        stacks: Some(options.stacks),
        deploy_time: DEPLOY_TIME,
        callbacks: vec![public.join("/oauth/callback")?.to_string()],
        clock: sandbox::Clock::faster(start, options.speed),
        ..sandbox::Options::default()
    })
    .await?;
    let world = sandbox.world().clone();
    world.set_rate_limit(RateLimit {
        per_hour: PER_HOUR,
        ..RateLimit::default()
    });
    let books = database(options, folder.path()).await?;
    let app = App {
        public,
        database: books.address(),
        secret: Random::system().bytes::<32>().to_vec(),
    };
    let processes = start_app(options, &app, &sandbox, start, folder.path())?;
    let ports: Vec<u16> = processes.iter().map(|process| process.port).collect();
    until_ready(&ports).await?;

    let crowd = Crowd::new(world.clone(), options.clicks);
    let people = sign_in_all(options, &app, &ports, &crowd).await?;
    let mishaps = Mishaps {
        world: world.clone(),
        processes: &processes,
        books: &books,
        folder: folder.path().to_owned(),
        options,
        batches: sign_in(options, &app, &ports, &crowd, BATCHES, 900_000).await?,
        unlucky: FIRST.map(str::to_owned).to_vec(),
        dice: Dice::new(options.seed, 1_000_001),
        happened: Mutex::default(),
    };
    faults::arm(&world, options.speed)?;
    let seen = Arc::new(Mutex::new(Seen::default()));
    let reading = tokio::spawn(read_journal(world.clone(), Arc::clone(&seen)));

    let pressing = Instant::now();
    let dice = Dice::new(options.seed, 1_000_000);
    let killing = killer::run(&crowd, &processes, &mishaps, options, &dice);
    let all_press = futures_util::future::join_all(people.iter().map(Person::press_on));
    let (deaths, ()) = tokio::try_join!(killing, async {
        all_press.await;
        Ok(())
    })?;
    let pressing = pressing.elapsed();

    world.clear_faults();
    let lines = until_ended(&books, &world, &processes).await?;
    let rows = told::rows(&lines, &people).await?;
    for process in &processes {
        process.end().await?;
    }
    reading.abort();
    seen.lock().unwrap_or_else(PoisonError::into_inner).take(&world);
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let happened = happened(&mishaps);
    let fates = crowd.fates.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let facts = Facts {
        clicks: fates.into_iter().map(|(click, _)| click).collect(),
        rows,
        executed: books::executed(&world),
        sent: seen.arrivals.clone(),
        restored_away: happened.restored_away.clone(),
        restored_at: happened.restored_at.clone(),
        slack: time::Duration::try_from(SLACK * options.speed)?,
    };
    let findings = judge(&facts);
    let report = Report {
        options,
        crowd: &crowd,
        deaths,
        happened: &happened,
        seen: &seen,
        lines: &lines,
        facts: &facts,
        findings: &findings,
        pressing,
        all: began.elapsed(),
    };
    let text = format!("{}\n{}", report.table(), report.faults());
    if let Some(path) = &options.report {
        std::fs::write(path, &text)?;
    }
    sandbox.stop().await;
    Ok(Outcome {
        text,
        findings: in_words(&findings, &lines, deaths),
    })
}

/// A database of the run's own. PostgreSQL is set as many run it: a commit is told before it is on the disk, by default
/// for up to ten seconds.
async fn database(options: &Options, folder: &Path) -> Fallible<Books> {
    if options.database == Database::Sqlite {
        return Ok(Books::Sqlite(folder.join("stackdeck.db")));
    }
    let server = options
        .postgres
        .as_ref()
        .ok_or("STACKDECK_TEST_POSTGRES_URL names no PostgreSQL; run this through bin/with-postgres")?;
    let schema = format!("chaos_{:032x}", Random::system().u128());
    let mut connection = sqlx::PgConnection::connect(server).await?;
    for statement in [
        format!("CREATE SCHEMA {schema}"),
        "ALTER SYSTEM SET synchronous_commit = off".to_owned(),
        "ALTER SYSTEM SET wal_writer_delay = '10s'".to_owned(),
        "SELECT pg_reload_conf()".to_owned(),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .execute(&mut connection)
            .await?;
    }
    connection.close().await?;
    Ok(Books::Postgres {
        server: server.clone(),
        schema,
    })
}

fn start_app(
    options: &Options,
    app: &App,
    sandbox: &Sandbox,
    start: OffsetDateTime,
    folder: &Path,
) -> Fallible<Vec<Process>> {
    if let Some(logs) = &options.logs {
        std::fs::create_dir_all(logs)?;
    }
    let log = if options.logs.is_some() { "info" } else { "error" };
    let public = app.public.as_str().trim_end_matches('/').to_owned();
    let settings: Vec<(String, String)> = [
        ("STACKDECK_PUBLIC_URL", public),
        ("STACKDECK_SECRET", STANDARD.encode(&app.secret)),
        ("STACKDECK_DATABASE_URL", app.database.clone()),
        ("STACKDECK_SESSION_IDLE", "300d".to_owned()),
        ("STACKDECK_SESSION_LIFETIME", "300d".to_owned()),
        ("STACKDECK_LOG", log.to_owned()),
        ("CLOUD66_URL", sandbox.url().to_owned()),
        ("CLOUD66_CLIENT_ID", sandbox.client_id().to_owned()),
        ("CLOUD66_CLIENT_SECRET", sandbox.client_secret().to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    let start_ms = start.unix_timestamp_nanos() / 1_000_000;
    (0..options.database.processes())
        .map(|_| {
            let arguments = [start_ms.to_string(), options.speed.to_string()];
            Process::start(&settings, arguments, folder, options.logs.as_deref())
        })
        .collect()
}

async fn until_ready(ports: &[u16]) -> Fallible<()> {
    let http = browser::client()?;
    for port in ports {
        let address = format!("http://127.0.0.1:{port}/readyz");
        let mut tries = 0;
        loop {
            let answer = http.get(&address).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                break;
            }
            tries += 1;
            if tries > 300 {
                return Err("an app process did not become ready; --logs FOLDER shows why".into());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    Ok(())
}

async fn sign_in_all<'a>(
    options: &Options,
    app: &App,
    ports: &[u16],
    crowd: &'a Crowd,
) -> Fallible<Vec<Person<'a>>> {
    let mut people = Vec::with_capacity(options.people);
    let who = FIRST.iter().chain(OTHERS.iter().cycle());
    for (number, email) in (0..options.people).zip(who) {
        people.push(sign_in(options, app, ports, crowd, email, u64::try_from(number)?).await?);
    }
    Ok(people)
}

async fn sign_in<'a>(
    options: &Options,
    app: &App,
    ports: &[u16],
    crowd: &'a Crowd,
    email: &str,
    number: u64,
) -> Fallible<Person<'a>> {
    // The app's time limits are as short as its clock is fast, and a machine may be busy with other things. Each try has
    // a browser of its own: the one before may be signed in although its last page was not answered.
    let mut tries = 1;
    let browser = loop {
        let dice = Dice::new(options.seed, 2_000_000 + number);
        let browser = Browser::new(browser::client()?, app.public.clone(), ports.to_vec(), dice);
        match browser.sign_in(email).await {
            Ok(()) => break browser,
            Err(error) if tries == SIGN_IN_TRIES => return Err(error),
            Err(_) => tries += 1,
        }
    };
    Ok(Person {
        crowd,
        email: email.to_owned(),
        browser,
        stacks: stacks_of(&crowd.world, email),
        dice: Dice::new(options.seed, number),
    })
}

/// The stacks that somebody may redeploy.
fn stacks_of(world: &World, email: &str) -> Vec<String> {
    let Some(person) = world.person(email) else {
        return Vec::new();
    };
    let may = |role: Option<Role>| role.is_some_and(|role| role >= Role::Deployer);
    world
        .visible_to(email)
        .into_iter()
        .filter(|stack| may(person.role_on(&stack.uid, stack.account_id)))
        .map(|stack| stack.uid)
        .collect()
}

async fn read_journal(world: World, seen: Arc<Mutex<Seen>>) {
    loop {
        tokio::time::sleep(READ_EVERY).await;
        seen.lock().unwrap_or_else(PoisonError::into_inner).take(&world);
    }
}

/// Waits until no row is open, or the patience ends; gives the rows.
async fn until_ended(books: &Books, world: &World, processes: &[Process]) -> Fallible<Vec<Line>> {
    let deadline = world.clock().now() + PATIENCE;
    let mut before = usize::MAX;
    loop {
        tokio::time::sleep(PAUSE).await;
        let lines = books.lines().await?;
        let open = lines.iter().filter(|line| line.open).count();
        if open == 0 || world.clock().now() > deadline {
            return Ok(lines);
        }
        if open >= before {
            world.clock().advance(STEP);
            for process in processes {
                process.pass(STEP)?;
            }
        }
        before = open;
    }
}

fn happened(mishaps: &Mishaps<'_>) -> Happened {
    let happened = mishaps.happened.lock();
    happened.unwrap_or_else(PoisonError::into_inner).clone()
}

/// Each finding with the row that it is about.
fn in_words(findings: &[Finding], lines: &[Line], deaths: Deaths) -> Vec<String> {
    let mut words: Vec<String> = findings
        .iter()
        .map(|finding| {
            let line = lines.iter().find(|line| line.id == finding.id);
            format!(
                "{:?}: {}: {}\n    {}",
                finding.fault,
                finding.id,
                finding.words,
                line.map_or_else(|| "no row".to_owned(), Line::words)
            )
        })
        .collect();
    if deaths.died > 0 {
        words.push(format!("{} app processes ended by themselves", deaths.died));
    }
    words
}

fn whole_millis(at: OffsetDateTime) -> Fallible<OffsetDateTime> {
    let millis = at.unix_timestamp_nanos() / 1_000_000;
    Ok(OffsetDateTime::from_unix_timestamp_nanos(millis * 1_000_000)?)
}
