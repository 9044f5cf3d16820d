//! What does a person see? Routes, pages, guards and static files.

pub mod urls;
pub mod assets;
pub mod pages;
