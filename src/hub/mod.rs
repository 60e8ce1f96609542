//! Getting models and other files from the Hugging Face hub, from Civitai, and from any other https address.
//!
//! - What did somebody type? `address.rs`. Which repositories are known to be good? `known.rs`.
//! - Where do files come from and go to, by which variables of the environment? `place.rs`.
//! - How is something asked for, with redirects, tokens, patience? `client.rs`.
//! - Which files has a repository, and which does Podium need? `listing.rs`, `plan.rs`.
//! - How is the hub's cache laid out, so that other programs find what is in it? `cache.rs`.
//! - How does one file arrive whole, and go on where it was cut? `file.rs`; all of something, `get.rs`.
//!
//! Everything here waits for a network: it belongs on a thread of its own. Every name and size that a server tells is
//! taken as hostile: names are checked part by part, and everything that is read has a bound.

pub mod address;
pub mod cache;
pub mod cancel;
mod civitai;
mod client;
mod digest;
pub mod error;
mod file;
pub mod get;
pub mod known;
mod listing;
mod names;
pub mod place;
mod plan;
pub mod progress;
pub mod room;

pub use address::Wanted;
pub use cancel::Cancel;
pub use error::HubError;
pub use get::{Got, get};
pub use place::Hub;
pub use plan::Precision;
pub use progress::{Progress, Stage};

#[cfg(test)]
mod tests;
