//! Everything that needs two parties, by topic.

mod hostile;
mod peers;
mod tidy;
