//! Streams against a model of the peer.
