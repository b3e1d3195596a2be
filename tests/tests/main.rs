//! Everything that needs two parties, by topic.

mod aioquic;
mod hostile;
mod pair;
mod peers;
mod tidy;
