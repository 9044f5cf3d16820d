//! The views that a person keeps, as links above the list.

use super::frame::Frame;
use crate::domain::query::StateFilter;
use crate::domain::{Fleet, StackQuery};
use crate::web::urls::view_text;

/// A kept view.
#[derive(Debug)]
pub(super) struct KeptView {
    pub(super) label: String,
    pub(super) href: String,
    pub(super) current: bool,
}

/// The view that is shown, where it is more than the plain list.
#[derive(Debug)]
pub(super) struct ThisView {
    /// As it stands in the address.
    pub(super) text: String,
    pub(super) kept: bool,
}

/// The links to kept views.
pub(super) fn kept_views(
    frame: &Frame,
    fleet: &Fleet,
    query: &StackQuery,
    views: &[StackQuery],
) -> Vec<KeptView> {
    let shown = first_page(query);
    views
        .iter()
        .map(|view| KeptView {
            label: label(fleet, view),
            href: frame.urls.stacks(view),
            current: *view == shown,
        })
        .filter(|view| !view.label.is_empty())
        .collect()
}

/// What is shown, for the button that keeps it.
pub(super) fn this_view(fleet: &Fleet, query: &StackQuery, views: &[StackQuery]) -> Option<ThisView> {
    let shown = first_page(query);
    (!label(fleet, &shown).is_empty()).then(|| ThisView {
        text: view_text(&shown),
        kept: views.contains(&shown),
    })
}

fn first_page(query: &StackQuery) -> StackQuery {
    StackQuery {
        q: query.q.trim().to_owned(),
        page: String::new(),
        search_is_cut: false,
        ..query.clone()
    }
}

/// What a view is called: its parts, in the words of the list's own tools. Empty for the plain list.
fn label(fleet: &Fleet, query: &StackQuery) -> String {
    let q = query.q.trim();
    let state = StateFilter::parse(&query.state);
    let account = fleet.stacks.iter().find_map(|stack| {
        let is_it = stack.account?.to_string() == query.account;
        is_it.then(|| stack.account_name.clone()).flatten()
    });
    let parts = [
        (!q.is_empty()).then(|| format!("“{q}”")),
        (state != StateFilter::All).then(|| state.label().to_owned()),
        (!query.env.is_empty()).then(|| query.env.clone()),
        (!query.account.is_empty()).then(|| account.unwrap_or_else(|| format!("account {}", query.account))),
        match query.sort.as_str() {
            "name" => Some("by name".to_owned()),
            "activity" => Some("latest change first".to_owned()),
            "environment" => Some("by environment".to_owned()),
            _ => None,
        },
        match query.group.as_str() {
            "app" => Some("grouped by app".to_owned()),
            "account" => Some("grouped by account".to_owned()),
            _ => None,
        },
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_called_by_its_parts_and_the_plain_list_by_nothing() {
        let fleet = Fleet::default();
        let view = |change: fn(&mut StackQuery)| {
            let mut query = StackQuery::default();
            change(&mut query);
            label(&fleet, &query)
        };
        assert_eq!(view(|_| ()), "");
        assert_eq!(view(|view| view.sort = "no-such-order".into()), "");
        assert_eq!(
            view(|view| {
                view.q = " checkout ".into();
                view.state = "attention".into();
                view.env = "staging".into();
                view.account = "no-such-account".into();
                view.sort = "name".into();
                view.group = "app".into();
            }),
            "“checkout” · Needs attention · staging · account no-such-account · by name · grouped by app"
        );
    }

    #[test]
    fn a_view_that_is_kept_is_known_on_each_of_its_pages() {
        let fleet = Fleet::default();
        let kept = StackQuery {
            q: "web".into(),
            ..StackQuery::default()
        };
        let shown = StackQuery {
            page: "2".into(),
            ..kept.clone()
        };
        let view = this_view(&fleet, &shown, std::slice::from_ref(&kept)).expect("a view");
        assert_eq!((view.text.as_str(), view.kept), ("q=web", true));
        assert!(this_view(&fleet, &StackQuery::default(), &[kept]).is_none());
    }
}
