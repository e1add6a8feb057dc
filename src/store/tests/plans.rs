//! How the database goes about the shipped lists.
