//! Pages and plots: self-contained HTML that can be read in ten years, without network or script.
//!
//! [`html::Page`] is a page in sections, [`plot`] draws the plots as inline SVG, and
//! [`evaluation_page`] shows how good a model is, [`adaptation_page`] what adapting one changed, `run_page` what a run did. Pages follow the reader's light or dark scheme, plots
//! carry a title and a description for those who cannot see them, and colour never tells anything alone.
//!
//! This module turns figures into text; it may not compute them. Only the index of [`pages`] touches files.

mod adaptation;
mod evaluation;
pub mod html;
pub mod pages;
pub mod plot;
mod run;

pub use adaptation::adaptation_page;
pub use evaluation::evaluation_page;
pub(crate) use run::run_page;
