//! People: they open a stack's confirm page and press Redeploy, once, twice, and again when nobody answers; they
//! leave, come back, look for the receipt, and sign in again where they were signed out. Beside them somebody else
//! deploys the same stacks at Cloud 66.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use stackdeck::sandbox::World;
use time::OffsetDateTime;
use tokio::sync::Notify;

use crate::Fallible;
use crate::browser::{Browser, Form, NoAnswer, Page};
use crate::dice::Dice;
use crate::judge::Click;

/// How often a page or an answer is asked for again before the person gives up.
const RELOADS: u32 = 60;
/// After how long somebody who leaves has left.
const LEFT_AFTER: Duration = Duration::from_millis(20);
/// In per cent: how many clicks are doubled, reloaded after the answer, and abandoned.
const DOUBLED: usize = 15;
const RELOADED: usize = 8;
const ABANDONED: usize = 15;
/// In per cent: how many deploys fail, how many are cancelled by hand, how many clicks go to any stack, busy or not,
/// instead of one that nobody has in hand, and beside how many somebody else deploys the same stack at Cloud 66.
const FAILING: usize = 5;
const CANCELLED: usize = 3;
const ANYWHERE: usize = 8;
const FOREIGN: usize = 6;

/// Who deploys at Cloud 66 what somebody presses here.
const SOMEBODY_ELSE: &str = "tomas@harbourfinch.example";

/// What all people of a run share.
pub(crate) struct Crowd {
    pub(crate) world: World,
    /// Clicks that still have to get a receipt.
    pub(crate) left: AtomicUsize,
    /// People wait rather than leave fewer clicks than this, so that whoever kills keeps up.
    pub(crate) floor: AtomicUsize,
    /// Told whenever somebody presses.
    pub(crate) pressed: Notify,
    /// Stacks that somebody has in hand.
    in_hand: Mutex<HashSet<String>>,
    /// Every click whose operation id is known, and what became of it.
    pub(crate) fates: Mutex<Vec<(Click, Fate)>>,
    pub(crate) counts: Counts,
}

/// What happened on the people's side.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) posts: AtomicUsize,
    pub(crate) unanswered: AtomicUsize,
    pub(crate) doubled: AtomicUsize,
    pub(crate) reloaded: AtomicUsize,
    pub(crate) abandoned: AtomicUsize,
    pub(crate) cancels: AtomicUsize,
    pub(crate) foreign: AtomicUsize,
    pub(crate) signed_in_again: AtomicUsize,
}

/// What a person was told of a click in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Led to its own receipt.
    Receipt,
    /// Led to the receipt of an earlier one that is not answered yet.
    Earlier,
    /// Led back to the confirm page: the stack had become busy.
    AskedAgain,
    /// A page that says that it was not written down, or that the form is too old.
    NotTaken,
    /// Nothing, in all those tries.
    NoAnswer,
}

impl Crowd {
    pub(crate) fn new(world: World, clicks: usize) -> Self {
        Self {
            world,
            left: AtomicUsize::new(clicks),
            floor: AtomicUsize::new(0),
            pressed: Notify::new(),
            in_hand: Mutex::default(),
            fates: Mutex::default(),
            counts: Counts::default(),
        }
    }

    async fn take_ticket(&self) -> bool {
        while self.left.load(Ordering::SeqCst) < self.floor.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .is_ok()
    }

    fn note(&self, click: Click, fate: Fate) {
        let mut fates = self.fates.lock().unwrap_or_else(PoisonError::into_inner);
        fates.push((click, fate));
    }

    fn hold(&self, stack: &str) -> bool {
        let mut held = self.in_hand.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert(stack.to_owned())
    }

    fn let_go(&self, stack: &str) {
        let mut held = self.in_hand.lock().unwrap_or_else(PoisonError::into_inner);
        held.remove(stack);
    }
}

/// One person with one session.
pub(crate) struct Person<'a> {
    pub(crate) crowd: &'a Crowd,
    pub(crate) email: String,
    pub(crate) browser: Browser,
    /// The stacks that this person may redeploy.
    pub(crate) stacks: Vec<String>,
    pub(crate) dice: Dice,
}

impl Person<'_> {
    /// Presses until enough clicks have a receipt.
    pub(crate) async fn press_on(&self) {
        while self.crowd.take_ticket().await {
            let fate = self.visit().await;
            if fate != Some(Fate::Receipt) {
                self.crowd.left.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    async fn visit(&self) -> Option<Fate> {
        let stack = self.choose()?;
        let fate = self.visit_stack(&stack).await;
        self.crowd.let_go(&stack);
        fate
    }

    fn choose(&self) -> Option<String> {
        let mut stack = self.dice.pick(&self.stacks)?;
        if !self.dice.chance(ANYWHERE) {
            for _ in 0..20 {
                if self.crowd.hold(stack) {
                    break;
                }
                stack = self.dice.pick(&self.stacks)?;
            }
        }
        Some(stack.clone())
    }

    async fn visit_stack(&self, stack: &str) -> Option<Fate> {
        let (form, id) = self.confirm_page(stack).await?;
        if self.dice.chance(FAILING) {
            self.crowd.world.fail_next_deploy(stack);
        }
        let somebody_else = self.dice.chance(FOREIGN);
        let before = somebody_else && self.dice.chance(50);
        if before {
            self.deploy_as_somebody_else(stack);
        }
        let mut pressed_at = self.now();
        let mut fate = self.press(&form, &id).await;
        if somebody_else && !before {
            self.deploy_as_somebody_else(stack);
        }
        for _ in 0..RELOADS {
            match fate {
                Fate::NoAnswer | Fate::NotTaken => {}
                _ => break,
            }
            tokio::time::sleep(self.dice.millis(100, 600)).await;
            // The form may be too old by now, and still have been written down before.
            if self.receipt(&id).await == Some(true) {
                fate = Fate::Receipt;
                break;
            }
            pressed_at = self.now();
            let again = self.post(&form, &id).await;
            if again == Fate::NotTaken && fate == Fate::NotTaken && self.dice.chance(30) {
                break;
            }
            fate = again;
        }
        let click = Click {
            id,
            receipt: fate == Fate::Receipt,
            pressed_at,
            batch: None,
        };
        self.crowd.note(click, fate);
        if fate == Fate::Receipt && self.dice.chance(CANCELLED) {
            self.cancel(stack).await;
        }
        Some(fate)
    }

    /// Somebody else deploys the stack over Cloud 66's own pages, in this moment.
    fn deploy_as_somebody_else(&self, stack: &str) {
        self.crowd.counts.foreign.fetch_add(1, Ordering::Relaxed);
        self.crowd.world.deploy_from_web(stack, SOMEBODY_ELSE);
    }

    fn now(&self) -> OffsetDateTime {
        self.crowd.world.clock().now()
    }

    /// Opens the confirm page until it is shown.
    async fn confirm_page(&self, stack: &str) -> Option<(Form, String)> {
        let path = format!("/stacks/{stack}/redeploy");
        for _ in 0..RELOADS {
            if let Ok(page) = self.page(&path).await
                && let Some(form) = page.form(|form| form.action.path() == path)
                && let Some(id) = operation_id(form.get("op"))
            {
                return Some((form, id));
            }
            tokio::time::sleep(self.dice.millis(100, 500)).await;
        }
        None
    }

    /// A page of the app; whoever is signed out meanwhile signs in again.
    pub(crate) async fn page(&self, path: &str) -> Result<Page, NoAnswer> {
        let page = self.browser.get(path).await?;
        let home = page.location.as_ref().is_some_and(|to| to.path() == "/");
        if !home {
            return Ok(page);
        }
        self.browser.sign_in(&self.email).await.map_err(|_| NoAnswer)?;
        self.crowd.counts.signed_in_again.fetch_add(1, Ordering::Relaxed);
        self.browser.get(path).await
    }

    /// Redeploys many stacks by one form, and notes the receipts that it led to.
    pub(crate) async fn press_many(&self, how_many: usize) -> Fallible<()> {
        let mut stacks = self.stacks.clone();
        for at in (1..stacks.len()).rev() {
            stacks.swap(at, self.dice.below(at + 1));
        }
        let mut path = "/redeploys/new?step=check".to_owned();
        for uid in stacks.iter().take(how_many) {
            path.push_str("&uid=");
            path.push_str(uid);
        }
        for _ in 0..RELOADS {
            tokio::time::sleep(self.dice.millis(10, 100)).await;
            let Ok(page) = self.page(&path).await else {
                continue;
            };
            let Some(form) = page.form(|form| form.action.path() == "/redeploys/new") else {
                continue;
            };
            let pressed_at = self.now();
            let Ok(answer) = self.browser.send(&form.ticked("production_ok")).await else {
                continue;
            };
            let batch = answer.location.filter(|to| to.path().starts_with("/redeploys/"));
            let Some(batch) = batch else { continue };
            let address = format!("{}?{}", batch.path(), batch.query().unwrap_or_default());
            let Ok(list) = self.page(&address).await else {
                continue;
            };
            let ids: HashSet<String> = list
                .links()
                .filter_map(|to| to.strip_prefix("/redeploys/").map(str::to_owned))
                .filter(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
                .collect();
            if ids.is_empty() {
                continue;
            }
            for id in ids {
                let click = Click {
                    id,
                    receipt: true,
                    pressed_at,
                    batch: Some(batch.path().to_owned()),
                };
                self.crowd.note(click, Fate::Receipt);
            }
            return Ok(());
        }
        Err("nobody took the form for many stacks".into())
    }

    /// Presses the button in one of the ways in which people do.
    async fn press(&self, form: &Form, id: &str) -> Fate {
        let counts = &self.crowd.counts;
        let way = self.dice.below(100);
        if way < DOUBLED {
            counts.doubled.fetch_add(1, Ordering::Relaxed);
            let (one, other) = tokio::join!(self.post(form, id), self.post(form, id));
            if one == Fate::Receipt { one } else { other }
        } else if way < DOUBLED + RELOADED {
            counts.reloaded.fetch_add(1, Ordering::Relaxed);
            let one = self.post(form, id).await;
            let other = self.post(form, id).await;
            if one == Fate::Receipt { one } else { other }
        } else if way < DOUBLED + RELOADED + ABANDONED {
            counts.abandoned.fetch_add(1, Ordering::Relaxed);
            let answered = tokio::time::timeout(LEFT_AFTER, self.post(form, id)).await;
            tokio::time::sleep(self.dice.millis(50, 1_500)).await;
            answered.unwrap_or(Fate::NoAnswer)
        } else {
            self.post(form, id).await
        }
    }

    async fn post(&self, form: &Form, id: &str) -> Fate {
        self.crowd.counts.posts.fetch_add(1, Ordering::Relaxed);
        self.crowd.pressed.notify_waiters();
        let answer = self.browser.send(form).await;
        if answer.is_err() {
            self.crowd.counts.unanswered.fetch_add(1, Ordering::Relaxed);
        }
        fate(&answer, id)
    }

    /// Whether the receipt is there; none where nobody says.
    async fn receipt(&self, id: &str) -> Option<bool> {
        match self.page(&format!("/redeploys/{id}")).await {
            Ok(page) if page.status == 200 => Some(true),
            Ok(page) if page.status == 404 => Some(false),
            _ => None,
        }
    }

    /// Cancels what runs on the stack, in two clicks, as soon as something does.
    async fn cancel(&self, stack: &str) {
        for _ in 0..20 {
            tokio::time::sleep(self.dice.millis(50, 300)).await;
            let running = self.crowd.world.stack(stack).and_then(|stack| {
                let newest = stack.newest().filter(|newest| newest.is_deploying());
                newest.map(|newest| newest.id)
            });
            let Some(deployment) = running else { continue };
            let path = format!("/stacks/{stack}/deployments/{deployment}/cancel");
            if let Ok(page) = self.page(&path).await
                && let Some(form) = page.form(|form| form.action.path() == path)
                && let Ok(answer) = self.browser.send(&form).await
                && answer.status == 303
            {
                self.crowd.counts.cancels.fetch_add(1, Ordering::Relaxed);
            }
            return;
        }
    }
}

/// Where an answer leads.
fn fate(answer: &Result<Page, NoAnswer>, id: &str) -> Fate {
    let Ok(page) = answer else {
        return Fate::NoAnswer;
    };
    let to = page.location.as_ref().map(url::Url::path).unwrap_or_default();
    match to.strip_prefix("/redeploys/") {
        Some(receipt) if receipt == id => Fate::Receipt,
        Some(_) => Fate::Earlier,
        None if to.ends_with("/redeploy") => Fate::AskedAgain,
        None => Fate::NotTaken,
    }
}

/// The operation id in a form of a confirm page, as it stands in addresses: its first 16 bytes (`src/web/form.rs`).
fn operation_id(text: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let id = bytes.first_chunk::<16>()?;
    Some(format!("{:032x}", u128::from_be_bytes(*id)))
}
