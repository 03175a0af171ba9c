//! YEDDA in and out.
