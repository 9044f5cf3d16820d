//! Services of a Docker stack (fact sheet 4.11); any other stack has none.

use super::{ApiError, Asked, Replied, Reply, objects, paging};
use crate::sandbox::world::Service;

pub(super) fn list(asked: &Asked<'_>) -> Replied {
    let stack = asked.stack()?;
    let all: Vec<&Service> = stack
        .services
        .iter()
        .filter(|service| on_server(asked, service))
        .collect();
    Ok(paging::list(asked, &all, |service| {
        objects::service(stack, service)
    }))
}

pub(super) fn show(asked: &Asked<'_>) -> Replied {
    let stack = asked.stack()?;
    let named = |service: &&Service| service.name == asked.call.id(1) && on_server(asked, service);
    let service = stack.services.iter().find(named);
    let service = service.ok_or_else(|| ApiError::not_found("No service with this name"))?;
    Ok(Reply::one(objects::service(stack, service)))
}

fn on_server(asked: &Asked<'_>, service: &Service) -> bool {
    asked
        .request
        .param("server_uid")
        .is_none_or(|uid| uid == service.server_uid)
}
