//! A scripted server against clients: what it may do, what it must not, and what happens then.

mod harness;
