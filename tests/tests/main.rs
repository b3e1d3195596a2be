//! Everything that needs two parties, by topic.

mod hostile;
mod pair;
mod peers;
mod tidy;
