//! Bounded containers.
