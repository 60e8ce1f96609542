//! The one integration test binary: each further one would link burn and wgpu again.
//!
//! Names of tests that compare with the authors' release contain `parity`; they read `PODIUM_GOLDEN_DIR` where set.
//! Without the feature `gui` the window's tests are left out, and the engine's are what they are.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

/// The GPU path against the CPU's. Its name begins the list: it takes longest, and libtest goes by the alphabet.
mod adapter;
/// Other methods than Concept Conductor.
mod baselines;
/// Every broken input and its error.
mod broken;
/// The canvas, worked with pointer and keys.
#[cfg(feature = "gui")]
mod canvas;
/// The real binary, driven from outside.
mod cli;
/// Files that move, and projects that move with all their files.
mod collect;
/// Two settings side by side, as a person compares them.
#[cfg(feature = "gui")]
mod compare_page;
/// Somebody is cut out of a photo, as a person would do it.
#[cfg(feature = "gui")]
mod cut_page;
/// What went wrong with a subject, in words with the cure.
mod diagnosis;
/// `podium evaluate`, driven from outside.
mod evaluate;
/// The miniature and the example projects, made anew.
mod examples;
/// Full disks, vanished folders, sessions that end without order.
mod faults;
/// Saving, opening, closing, recovering.
#[cfg(feature = "gui")]
mod files;
/// Concepts on a model of the full size, with times and memory.
#[cfg(target_os = "linux")]
mod full_size;
/// The gallery and the Place page, driven as a person would.
#[cfg(feature = "gui")]
mod gallery;
/// Reference data: where it is and how it is compared.
mod golden;
/// Every layout and container that models come in, of the miniature and of Stable Diffusion 1.5's full size.
mod layouts;
/// The Library page: what is found on this computer, and what is got from a server.
#[cfg(feature = "gui")]
mod library;
/// How the window looks: snapshots in both themes.
#[cfg(feature = "gui")]
mod looks;
/// A render that nobody computes.
#[cfg(feature = "gui")]
mod made_up;
/// Memory that may not suffice, and what is taken at most.
mod memory;
/// Random actions.
#[cfg(feature = "gui")]
mod monkey;
/// Files that moved, as the window asks about them.
#[cfg(feature = "gui")]
mod moved;
/// What not every machine has, and what is said where it is missing.
mod needs;
/// Tokenizer, text encoder, UNet and autoencoder against the authors' release.
mod nets_parity;
/// Configurations that no model has.
mod odd_configs;
/// LoRAs of other trainers as concepts and styles.
mod own_files;
/// What trainings of the Plush World's concepts know, by their own test sheets.
mod own_sheets;
/// A subject in a photo is replaced, as a person would do it.
#[cfg(feature = "gui")]
mod place_page;
/// Placing into photos of any size.
mod placing;
/// What a person would say of a session, in the plainest form.
#[cfg(feature = "gui")]
mod plain;
/// The Plush World and its scores against the kit's Python.
mod plush_parity;
/// `podium plush`, driven from outside.
mod plush_pictures;
/// Prompts as people type them: chunks and weights.
mod prompts;
/// The real binary under Xvfb.
#[cfg(feature = "gui")]
mod real_window;
/// Mask refinement from given labels, bit for bit.
mod refine_parity;
/// The right panel: Render, progress, every value of the method.
#[cfg(feature = "gui")]
mod render_panel;
/// Inversion, keys, gradients, every step of whole runs and the final picture against the authors' release.
mod run_parity;
/// Rendering as a service: determinism, cancelling, going on, watching.
mod service;
/// The window's shaders, against the CPU.
#[cfg(feature = "gui")]
mod shaders;
/// A model in one file, in the layout of Stable Diffusion's own code.
mod single_file;
mod slopes;
/// The first use, and what the window says.
#[cfg(feature = "gui")]
mod story;
/// An engine for tests.
mod studio;
/// The project's own rules, checked on its sources.
mod tidy;
/// The timeline and the inspector, driven as a person would.
#[cfg(feature = "gui")]
mod timeline;
/// Torch files as Python writes them.
#[allow(dead_code, reason = "the engine's own tests use the rest")]
mod torch_files;
/// `podium train`: what is found about photos, and training.
mod train;
/// The Train page, driven as a person would.
#[cfg(feature = "gui")]
mod train_page;
mod train_parity;
mod training;
/// Refinement and placement inside a run.
mod whole_run;
/// The window, drawn without a display.
#[cfg(feature = "gui")]
mod window;
/// A screen for the real binary.
#[cfg(feature = "gui")]
mod xvfb;
