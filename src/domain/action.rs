//! An action: Cloud 66's record of something that was asked of it and ends later.

use time::{Duration, OffsetDateTime};

use super::ids::ActionId;
use super::redeploy::Command;

/// An asynchronous action as Cloud 66 recorded it (fact sheet 4.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Cloud 66's number for it.
    pub id: ActionId,
    /// `restart`, `clear_caches`, `maintenance_mode`, `application_deployment`, … (fact sheet 6.2).
    pub name: String,
    /// Whose it is: an e-mail address.
    pub user: Option<String>,
    /// `api`, `web`, `hook`, `cli`.
    pub started_via: Option<String>,
    /// When it was asked for.
    pub started_at: Option<OffsetDateTime>,
    /// When it ended; none while it runs.
    pub finished_at: Option<OffsetDateTime>,
    /// Whether it ended well; none while it runs.
    pub succeeded: Option<bool>,
    /// What Cloud 66 says of its end.
    pub message: Option<String>,
    /// The operation id that came with the request (fact sheet 6.3).
    pub user_reference: Option<String>,
}

impl Action {
    /// How long it took; none while it runs or where Cloud 66 gives no times.
    pub fn duration(&self) -> Option<Duration> {
        let took = self.finished_at? - self.started_at?;
        (!took.is_negative()).then_some(took)
    }

    /// Whether it may be what became of this command: its name is not known to be another one's. A redeploy has had
    /// several names (fact sheet 6.2).
    pub fn may_be(&self, command: Command) -> bool {
        match self.name.as_str() {
            "restart" => command == Command::Restart,
            "clear_caches" => command == Command::ClearCaches,
            "maintenance_mode" => matches!(command, Command::MaintenanceOn | Command::MaintenanceOff),
            "application_deployment" | "deploy" => command == Command::Redeploy,
            _ => true,
        }
    }

    /// Whether it has ended. `finished_at` decides; `finished_success` then says how (fact sheet 6.1).
    pub fn is_finished(&self) -> bool {
        self.finished_at.is_some()
    }
}
