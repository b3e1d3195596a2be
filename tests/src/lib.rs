//! Peers and harnesses for everything that needs two parties.
