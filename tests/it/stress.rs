//! Long randomised tests. A failure prints the seed that repeats the run.

mod api_clients;
mod crash;
mod log;
mod people;
mod phone_actor;
mod postgres;
mod random;
mod random_walk;
mod subscriber;
