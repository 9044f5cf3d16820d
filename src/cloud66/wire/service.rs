//! Services of a Docker stack (fact sheet 4.11).

use serde::Deserialize;

use super::cell::Cell;
use crate::domain::Service;

#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::cloud66) struct WireService {
    name: Cell,
    image_tag: Cell,
    git_ref: Cell,
    source_type: Cell,
}

/// Makes a service; none without a name, which is all that a redeploy can call it by.
pub(in crate::cloud66) fn service(wire: &WireService) -> Option<Service> {
    Some(Service {
        name: wire.name.name()?,
        image_tag: wire.image_tag.name(),
        git_ref: wire.git_ref.name(),
        source: wire.source_type.text().map(str::to_lowercase),
    })
}

#[cfg(test)]
mod tests {
    use super::super::envelope::one;
    use super::*;

    #[test]
    fn blank_and_null_are_none() {
        let json =
            br#"{"name":"web","containers":[],"source_type":"image","git_ref":"","image_name":"harbour/web",
            "image_uid":"","image_tag":"v14","command":null}"#;
        let expected = Service {
            name: "web".into(),
            image_tag: Some("v14".into()),
            git_ref: None,
            source: Some("image".into()),
        };
        assert_eq!(service(&one(json).unwrap()), Some(expected));
        assert_eq!(service(&one(br#"{"image_tag":"v14"}"#).unwrap()), None);
    }
}
