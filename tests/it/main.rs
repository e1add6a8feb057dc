//! All tests from outside, in one binary: one link instead of one per file.

mod architecture;
mod migrations;
