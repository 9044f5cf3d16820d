//! The judge: what the people were told, what the ledger holds, what Cloud 66's own books say. A function of the
//! three, so that it can be tried on made-up records (`tests/chaos.rs`). It shares no type with the app: what a row
//! says is what its receipt's page says, and what was done is what the sandbox wrote down.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use time::{Duration, OffsetDateTime};

/// A redeploy that arrives later than this after its press, or after the one before it of the same batch, was sent
/// late: the two minutes that the app gives it, and the minute for which a worker may hold what it claimed in time.
pub(crate) const LATE: Duration = Duration::minutes(3);

/// All that is compared. An id is the operation id as Cloud 66 gets it, in `user_reference`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// Every click whose operation id is known.
    pub(crate) clicks: Vec<Click>,
    /// Every row of the ledger, with what its receipt says.
    pub(crate) rows: Vec<Row>,
    /// Every redeploy that the sandbox carried out under a `user_reference`.
    pub(crate) executed: Vec<Executed>,
    /// Every request to redeploy that reached the sandbox, carried out or not: its `user_reference`, and when it
    /// arrived by the sandbox's clock.
    pub(crate) sent: Vec<(String, OffsetDateTime)>,
    /// Rows that were there before an older copy of the database was put in its place, and not afterwards. Nobody can
    /// know of them any more; what was sent is still never sent again.
    pub(crate) restored_away: BTreeSet<String>,
    /// When an older copy of the database was put in its place, by the sandbox's clock.
    pub(crate) restored_at: Vec<OffsetDateTime>,
    /// How long this machine may take between a decision of the app and its request, by the faster clock.
    pub(crate) slack: Duration,
}

/// What one person was told of one click.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Click {
    pub(crate) id: String,
    /// Whether the person was led to the receipt of this id.
    pub(crate) receipt: bool,
    /// When it was pressed for the last time before it was known to be written down, by the sandbox's clock.
    pub(crate) pressed_at: OffsetDateTime,
    /// The form by which it was pressed together with others, which are sent one after another.
    pub(crate) batch: Option<String>,
}

/// One row of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: String,
    /// What its receipt says.
    pub(crate) said: Said,
    /// The deployment that its receipt names.
    pub(crate) deployment: Option<u64>,
    /// Whether the app still works at it or follows it.
    pub(crate) open: bool,
    pub(crate) holds_token: bool,
}

/// What a receipt says of its redeploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// Cloud 66 has it, or it is on its way; no end so far.
    Open,
    /// Nothing was carried out: refused, not sent, or Cloud 66 has no record of it.
    NothingDone,
    /// It ended, or was given up, and nobody knows how.
    NotKnown,
    Succeeded,
    Failed,
    Cancelled,
}

/// One redeploy as the sandbox carried it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Executed {
    pub(crate) reference: String,
    /// How it ended; none while it runs.
    pub(crate) end: Option<End>,
    /// The deployment that it became; none before it has begun.
    pub(crate) deployment: Option<u64>,
}

/// How a deployment ended at Cloud 66.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Succeeded,
    Failed,
    Cancelled,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// Carried out, or sent, more than once.
    Doubled,
    /// A receipt without a row, or carried out without a row.
    Lost,
    /// Sent later than [`LATE`] after it was pressed.
    Late,
    /// A receipt that says of its redeploy what is not so.
    Untrue,
    /// A row that has not reached an end.
    WithoutEnd,
    /// A row at its end that still holds the token.
    HoldsToken,
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) fault: Fault,
    pub(crate) id: String,
    pub(crate) words: String,
}

impl Finding {
    fn new(fault: Fault, id: &str, words: String) -> Self {
        Self {
            fault,
            id: id.to_owned(),
            words,
        }
    }
}

/// Everything that is wrong.
pub(crate) fn judge(facts: &Facts) -> Vec<Finding> {
    let mut executed: BTreeMap<&str, Vec<&Executed>> = BTreeMap::new();
    for one in &facts.executed {
        executed.entry(&one.reference).or_default().push(one);
    }
    let mut findings = of_sending(facts);
    findings.extend(of_what_is_missing(facts, &executed));
    for (reference, all) in executed.iter().filter(|(_, all)| all.len() > 1) {
        let words = format!("carried out {} times", all.len());
        findings.push(Finding::new(Fault::Doubled, reference, words));
    }
    for row in &facts.rows {
        let one = executed.get(row.id.as_str()).and_then(|all| all.first()).copied();
        findings.extend(of_row(row, one));
    }
    findings.sort_by(|one, other| (one.fault, &one.id).cmp(&(other.fault, &other.id)));
    findings
}

/// What was sent twice, and what was sent late.
fn of_sending(facts: &Facts) -> Vec<Finding> {
    let mut sent: BTreeMap<&str, Vec<OffsetDateTime>> = BTreeMap::new();
    for (reference, at) in &facts.sent {
        sent.entry(reference).or_default().push(*at);
    }
    for times in sent.values_mut() {
        times.sort();
    }
    let mut batches: HashMap<&str, Vec<OffsetDateTime>> = HashMap::new();
    for click in &facts.clicks {
        if let (Some(batch), Some(times)) = (&click.batch, sent.get(click.id.as_str())) {
            batches.entry(batch).or_default().extend(times);
        }
    }
    let mut findings = Vec::new();
    for (reference, times) in sent.iter().filter(|(_, times)| times.len() > 1) {
        // An older copy cannot know of a request that came to nothing. Cloud 66 was asked for it, and had no record; what
        // it carried out twice is found elsewhere.
        let carried_out = facts
            .executed
            .iter()
            .filter(|one| one.reference == *reference)
            .count();
        let is_between = |pair: &[OffsetDateTime]| {
            facts
                .restored_at
                .iter()
                .any(|at| pair.first() <= Some(at) && Some(at) <= pair.last())
        };
        if carried_out < 2 && times.windows(2).all(is_between) {
            continue;
        }
        let words = format!("sent {} times", times.len());
        findings.push(Finding::new(Fault::Doubled, reference, words));
    }
    for click in &facts.clicks {
        let others = click.batch.as_ref().and_then(|batch| batches.get(batch.as_str()));
        // What was sent before it of the same batch: until then it had to wait.
        let turn = |at: OffsetDateTime| {
            let before = others.into_iter().flatten().filter(|other| **other < at);
            before
                .copied()
                .max()
                .unwrap_or(click.pressed_at)
                .max(click.pressed_at)
        };
        let times = sent.get(click.id.as_str());
        if let Some(late) = times
            .into_iter()
            .flatten()
            .find(|at| **at - turn(**at) > LATE + facts.slack)
        {
            let words = format!("sent {} after it was pressed", *late - click.pressed_at);
            findings.push(Finding::new(Fault::Late, &click.id, words));
        }
    }
    findings
}

/// Receipts, and what was carried out, of which there is no row.
fn of_what_is_missing(facts: &Facts, executed: &BTreeMap<&str, Vec<&Executed>>) -> Vec<Finding> {
    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &facts.rows {
        *rows.entry(&row.id).or_default() += 1;
    }
    let is_missing = |id: &str| !rows.contains_key(id) && !facts.restored_away.contains(id);
    let mut findings = Vec::new();
    for (id, count) in rows.iter().filter(|(_, count)| **count > 1) {
        findings.push(Finding::new(
            Fault::Doubled,
            id,
            format!("{count} rows of one id"),
        ));
    }
    for click in facts
        .clicks
        .iter()
        .filter(|click| click.receipt && is_missing(&click.id))
    {
        let words = "a receipt was shown, and there is no row".to_owned();
        findings.push(Finding::new(Fault::Lost, &click.id, words));
    }
    for reference in executed.keys().filter(|reference| is_missing(reference)) {
        let words = "carried out, and there is no row".to_owned();
        findings.push(Finding::new(Fault::Lost, reference, words));
    }
    findings
}

/// What is wrong with a row, given what Cloud 66 did under its id.
fn of_row(row: &Row, executed: Option<&Executed>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |fault, words: String| findings.push(Finding::new(fault, &row.id, words));
    if row.open {
        add(Fault::WithoutEnd, format!("still open: {:?}", row.said));
    } else if row.holds_token {
        add(Fault::HoldsToken, format!("{:?}, and holds a token", row.said));
    }
    let said = match row.said {
        Said::Open | Said::NotKnown => None,
        Said::NothingDone => {
            if let Some(one) = executed {
                let words = format!("says that nothing was done, and was carried out: {:?}", one.end);
                add(Fault::Untrue, words);
            }
            None
        }
        Said::Succeeded => Some(End::Succeeded),
        Said::Failed => Some(End::Failed),
        Said::Cancelled => Some(End::Cancelled),
    };
    if let Some(said) = said {
        match executed.map(|one| one.end) {
            None => add(Fault::Untrue, format!("says {said:?}, and was never carried out")),
            // Cloud 66 lists no outcome for what was cancelled: it says that it failed, and by whose hand.
            Some(Some(End::Cancelled)) if said == End::Failed => {}
            Some(end) if end == Some(said) => {}
            Some(end) => add(Fault::Untrue, format!("says {said:?}, and was {end:?}")),
        }
    }
    let theirs = executed.and_then(|one| one.deployment);
    if let Some(ours) = row.deployment
        && theirs != Some(ours)
    {
        let words = format!("says that it became deployment {ours}, and it became {theirs:?}");
        add(Fault::Untrue, words);
    }
    findings
}
