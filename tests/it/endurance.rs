//! What only shows after a while: actors act by chance, and what went wrong is told with the seed that repeats it.

mod callers;
mod kill;
mod listener;
mod log;
mod owner;
mod people;
mod postgres;
mod random;
mod walk;
