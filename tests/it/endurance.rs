//! Long randomised tests. A failure prints the seed that repeats the run.

mod callers;
mod kill;
mod listener;
mod log;
mod owner;
mod people;
mod postgres;
mod random;
mod walk;
