//! The judge: what the people were told, what the ledger says, what Cloud 66 did. A function of the three, so that
//! it can be tried on made-up records (`tests/chaos.rs`).

use std::collections::{BTreeMap, HashMap};

use stackdeck::domain::{DeploymentId, OperationId, RedeployState};

/// All that is compared.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// Every click whose operation id is known.
    pub(crate) clicks: Vec<Click>,
    /// Every row of the ledger.
    pub(crate) rows: Vec<Row>,
    /// Every redeploy that the sandbox carried out under a `user_reference`.
    pub(crate) executed: Vec<Executed>,
    /// How many requests to redeploy the sandbox got for each `user_reference`, carried out or not.
    pub(crate) sent: BTreeMap<String, u32>,
}

/// What one person was told of one click.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Click {
    pub(crate) id: OperationId,
    /// Whether the person was led to the receipt of this id.
    pub(crate) receipt: bool,
}

/// One row of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: OperationId,
    pub(crate) state: RedeployState,
    /// The deployment that it says it became.
    pub(crate) deployment: Option<DeploymentId>,
    pub(crate) holds_token: bool,
}

/// One redeploy as the sandbox carried it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Executed {
    pub(crate) reference: String,
    /// How it ended; none while it runs.
    pub(crate) end: Option<End>,
    /// The deployment that it became.
    pub(crate) deployment: Option<DeploymentId>,
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
    /// A receipt without a row, or carried out without a row, or carried out and recorded as not done.
    Lost,
    /// A row that has not reached an end.
    WithoutEnd,
    /// A row that says of its redeploy what is not so.
    Untrue,
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
    fn new(fault: Fault, id: &(impl ToString + ?Sized), words: String) -> Self {
        Self {
            fault,
            id: id.to_string(),
            words,
        }
    }
}

/// Everything that is wrong.
pub(crate) fn judge(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut rows: HashMap<String, Vec<&Row>> = HashMap::new();
    for row in &facts.rows {
        rows.entry(row.id.to_string()).or_default().push(row);
    }
    let mut executed: BTreeMap<&str, Vec<&Executed>> = BTreeMap::new();
    for one in &facts.executed {
        executed.entry(&one.reference).or_default().push(one);
    }

    let mut add = |fault, id: &dyn ToString, words: String| findings.push(Finding::new(fault, id, words));
    for (id, rows) in rows.iter().filter(|(_, rows)| rows.len() > 1) {
        add(Fault::Doubled, id, format!("{} rows of one id", rows.len()));
    }
    for click in facts.clicks.iter().filter(|click| click.receipt) {
        if !rows.contains_key(&click.id.to_string()) {
            let words = "a receipt was shown, and there is no row";
            add(Fault::Lost, &click.id, words.to_owned());
        }
    }
    for (reference, times) in facts.sent.iter().filter(|(_, times)| **times > 1) {
        add(Fault::Doubled, reference, format!("sent {times} times"));
    }
    for (reference, all) in &executed {
        if all.len() > 1 {
            add(
                Fault::Doubled,
                reference,
                format!("carried out {} times", all.len()),
            );
        }
        if !rows.contains_key(*reference) {
            let words = "carried out, and there is no row";
            add(Fault::Lost, reference, words.to_owned());
        }
    }
    for row in &facts.rows {
        let id = row.id.to_string();
        let one = executed.get(id.as_str()).and_then(|all| all.first()).copied();
        findings.extend(of_row(row, one));
    }
    findings.sort_by(|one, other| (one.fault, &one.id).cmp(&(other.fault, &other.id)));
    findings
}

/// What is wrong with a row, given what Cloud 66 did under its id.
fn of_row(row: &Row, executed: Option<&Executed>) -> Vec<Finding> {
    use RedeployState as S;
    let state = row.state.as_str();
    let mut findings = Vec::new();
    let mut add = |fault, words: String| findings.push(Finding::new(fault, &row.id, words));
    if !row.state.is_end() {
        add(Fault::WithoutEnd, format!("still {state}"));
    } else if row.holds_token {
        add(Fault::HoldsToken, format!("{state}, and holds a token"));
    }
    match (row.state, executed) {
        (S::Refused | S::Lost, Some(_)) => {
            add(Fault::Lost, format!("recorded as {state}, and was carried out"));
        }
        (S::Accepted | S::Running | S::Succeeded | S::Failed | S::Cancelled | S::Ended, None) => {
            add(
                Fault::Untrue,
                format!("recorded as {state}, and was never carried out"),
            );
        }
        (S::Succeeded | S::Failed | S::Cancelled, Some(one)) => {
            let said = match row.state {
                S::Succeeded => End::Succeeded,
                S::Cancelled => End::Cancelled,
                _ => End::Failed,
            };
            match one.end {
                // Cloud 66 lists no outcome for what was cancelled: it says that it failed, and by whose hand.
                Some(End::Cancelled) if said == End::Failed => {}
                end if end == Some(said) => {}
                end => add(Fault::Untrue, format!("recorded as {state}, and was {end:?}")),
            }
            if let (Some(ours), Some(theirs)) = (row.deployment, one.deployment)
                && ours != theirs
            {
                let words = format!("recorded as deployment {ours}, and was {theirs}");
                add(Fault::Untrue, words);
            }
        }
        _ => {}
    }
    findings
}
