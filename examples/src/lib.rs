//! The examples are programs; see the README for the list.
