//! The bare loop of the README: a request without heap, threads or operating system.

use core::net::SocketAddr;
use quicpro_core::io::{Clock, Socket, drive};
use quicpro_core::{Client, ClientConfig, Event, Limits, Request, TrustAnchor, WallClock, storage};

const LIMITS: Limits = Limits::TINY;

/// Plain arrays, all zeros: a static of it lies in .bss.
pub type Memory = storage!(LIMITS);

/// Asks `server` for a reading and returns the status, or `None` if the connection failed before.
pub fn reading<S: Socket>(
    memory: &mut Memory,
    socket: &mut S,
    clock: &impl Clock,
    random: [u8; 32],
    server: SocketAddr,
    roots: &[TrustAnchor<'static>],
    date: WallClock,
) -> Result<Option<u16>, S::Error> {
    let config = ClientConfig::new(roots, date).server_name("localhost");
    let mut client = Client::connect(&config, server, memory.memory(), clock.now(), random)
        .expect("the configuration is legal");
    let mut datagram = [0; LIMITS.datagram];
    let mut buffer = [0; 256];
    let (mut request, mut status) = (None, None);
    loop {
        // Refused until the server is verified.
        if request.is_none()
            && let Ok(id) = client.request(&Request::get("/gen/1000"))
        {
            request = client.finish(id).is_ok().then_some(id);
        }
        drive(&mut client, socket, clock, &mut datagram, None)?;
        while let Some(event) = client.poll_event() {
            match event {
                Event::Response { status: code, .. } => status = Some(code),
                Event::Data { request } => {
                    while let Ok(1..) = client.recv_body(request, &mut buffer) {}
                }
                Event::Finished { .. } => client.close(clock.now()),
                Event::Closed(_) => return Ok(status),
                _ => {}
            }
        }
    }
}
