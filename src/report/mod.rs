//! Pages and plots: self-contained HTML that can be read in ten years, without network or script.
//!
//! [`evaluation_page`] shows how good a model is, [`adaptation_page`] what adapting one changed, `run_page` what a run did. Pages follow the reader's light or dark scheme, plots
//! carry a title and a description for those who cannot see them, and colour never tells anything alone.
//!
//! This module turns figures into text; it may not compute them. Only the index of labelled pages touches files.

mod adaptation;
mod evaluation;
mod html;
pub(crate) mod pages;
mod plot;
mod run;

pub use adaptation::adaptation_page;
pub use evaluation::evaluation_page;
pub(crate) use run::run_page;
