//! Everything that needs two parties, by topic.

mod peers;
mod tidy;
