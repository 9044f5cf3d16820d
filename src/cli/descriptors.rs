//! Open files: as many as connections need, and no more connections than there are files for.
//!
//! Most systems start a program with 1,024 and allow it far more. Each connection takes one, so a few hundred
//! silent clients could otherwise leave none for the database and for Cloud 66.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Kept for ourselves: the database, requests to Cloud 66, the listeners, the log.
const OURS: u64 = 256;

/// The fewest connections that are of any use.
const FEWEST: u64 = 16;

/// Takes how many connections are wanted, raises the process's limit as far as that needs and the system
/// allows, and gives how many there is room for.
pub(super) fn room_for(connections: usize) -> usize {
    let wanted = u64::try_from(connections)
        .unwrap_or(u64::MAX)
        .saturating_add(OURS);
    let limit = getrlimit(Resource::Nofile);
    let allowed = limit.maximum.unwrap_or(u64::MAX).min(wanted);
    let mut files = limit.current.unwrap_or(u64::MAX);
    let raised = Rlimit {
        current: Some(allowed),
        maximum: limit.maximum,
    };
    if files < allowed && setrlimit(Resource::Nofile, raised).is_ok() {
        files = allowed;
    }
    let room = room(files, wanted);
    if room < wanted - OURS {
        tracing::warn!(
            files,
            connections = room,
            "this process may open few files, so it takes fewer connections; raise the limit (ulimit -n, \
             LimitNOFILE= in systemd, --ulimit nofile= in Docker)"
        );
    }
    usize::try_from(room).unwrap_or(connections)
}

fn room(files: u64, wanted: u64) -> u64 {
    files.min(wanted).saturating_sub(OURS).max(FEWEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_ourselves() {
        for (files, wanted, expected) in [
            (1_024, 16_640, 768),
            (20_000, 16_640, 16_384),
            (u64::MAX, 16_640, 16_384),
            (300, 16_640, 44),
            (64, 16_640, FEWEST),
        ] {
            assert_eq!(room(files, wanted), expected, "{files} files");
        }
    }
}
