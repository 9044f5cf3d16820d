//! Every page in every state: rendered by a test, looked at by people. Served by the app in development only.

use askama::DynTemplate;

mod asking;
mod index;
mod lists;
mod own;
mod pieces;
mod public;
mod receipts;
mod stack;
mod stacks;
pub(super) mod world;

/// A page in one of its states.
pub struct Sample {
    /// `stacks-many`: the page's name and the state's; a file name.
    pub name: String,
    page: Box<dyn DynTemplate>,
}

impl Sample {
    fn new(name: impl Into<String>, page: impl DynTemplate + 'static) -> Self {
        Self {
            name: name.into(),
            page: Box::new(page),
        }
    }

    /// The page as HTML.
    pub fn html(&self) -> Result<String, askama::Error> {
        self.page.dyn_render()
    }
}

impl std::fmt::Debug for Sample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

pub use index::index;
pub use pieces::pieces;

/// All samples, in the order of a visit, below this path prefix.
pub fn all(prefix: &str) -> Vec<Sample> {
    let groups = [
        public::signed_out(prefix),
        stacks::stacks(prefix),
        stacks::stacks_in_trouble(prefix),
        stack::one_stack(prefix),
        asking::asking(prefix),
        receipts::receipts(prefix),
        receipts::lists_of_receipts(prefix),
        lists::lists(prefix),
        own::own_pages(prefix),
        own::troubles(prefix),
    ];
    groups.into_iter().flatten().collect()
}
