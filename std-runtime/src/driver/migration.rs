//! A connection that moves to another socket: because its own is dead, because the machine's address changed, or because
//! the caller likes.
//!
//! Invariant: requests go on; whatever fails leaves the connection where it is.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::Registry;
use quicpro_core::connection::{MigrateError, PathId};

use super::link::{Link, Now, Turn};
use super::socket::Sent;

/// Time between two looks at the networks there are, and how long a server is silent before it is strange.
const LOOK_AFTER: Duration = Duration::from_secs(1);

impl Link {
    /// Moves to a socket of its own once the server has answered there.
    pub fn migrate(&mut self, now: Now, registry: &Registry) {
        let (local, remote) = self.active();
        if let Ok(local) = self.sockets.add(remote, registry, local) {
            let migrated = self.client.transport_mut().migrate(now.engine, local);
            self.after_migration(migrated, registry);
        }
    }

    /// Moves to another socket if the one in use is dead, or if the kernel would reach the server from another address
    /// by now; says whether there is something to send for it. Requests go on.
    ///
    /// After silence or an error it moves at once. Without either the old way still works, so the new one is tried
    /// first, and once only: a network that the kernel prefers need not be one that carries us.
    pub fn look_around(&mut self, turn: &Turn<'_>) -> bool {
        let now = turn.now.system;
        let suspicion = self.suspicion.take();
        let is_early = |at: Option<Instant>| at.is_some_and(|at| now < at + LOOK_AFTER);
        if (suspicion.is_none() && self.is_empty()) || is_early(self.looked_at) {
            return false;
        }
        self.looked_at = Some(now);
        let (local, remote) = self.active();
        let other = self.sockets.other_address(remote, local);
        let is_urgent = suspicion.is_some() || !is_early(self.heard_at);
        let is_new = other.is_some() && other != self.tried;
        if suspicion != Some(Sent::Broken) && !(is_new || is_urgent && other.is_some()) {
            return false;
        }
        self.tried = other;
        let Ok(local) = self.sockets.add(remote, turn.registry, local) else {
            return false;
        };
        let transport = self.client.transport_mut();
        let migrated = if is_urgent {
            transport.migrate_at_once(turn.now.engine, local)
        } else {
            transport.migrate(turn.now.engine, local)
        };
        self.after_migration(migrated, turn.registry)
    }

    /// The addresses in use, as the engine calls them.
    fn active(&self) -> (Option<SocketAddr>, SocketAddr) {
        let transport = self.client.transport();
        let path = transport.path(transport.active_path());
        (path.and_then(|path| path.local), transport.remote())
    }

    fn after_migration(
        &mut self,
        migrated: Result<PathId, MigrateError>,
        registry: &Registry,
    ) -> bool {
        match migrated {
            Ok(_) => {
                log::debug!("{}: on another socket", self.remote);
                return true;
            }
            Err(error) => {
                log::debug!("{}: {error}", self.remote);
                self.sockets.remove_newest(registry);
            }
        }
        false
    }
}
