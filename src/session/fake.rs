//! A connection for tests.
