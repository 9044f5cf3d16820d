//! Every limit of a connection, by name.

use std::time::Duration;

/// The limits. The defaults are what is served; tests take smaller ones.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long the head of a request may take: on a new connection from its beginning, later from the head's
    /// first byte.
    pub head: Duration,
    /// How long a connection may wait for its next request. Longer than the proxies in common use keep theirs
    /// (Caddy 120 s, Traefik 90 s, nginx and AWS 60 s): whoever closes first must be the proxy, or it sends a
    /// request into a connection that we are just closing.
    pub idle: Duration,
    /// How long a peer that has to read may take for each [`write_progress`](Self::write_progress) bytes.
    pub write: Duration,
    /// How much a peer has to take within [`write`](Self::write), so that one byte now and then is not
    /// enough.
    pub write_progress: usize,
    /// How long the body of a request may take.
    pub body: Duration,
    /// How long a handler may take until the head of its answer; an event stream runs on after it.
    pub answer: Duration,
    /// How long a peer may go on sending after our last word. Closed at once, what it sent in vain would reset
    /// the connection, and it could lose the answer that says why.
    pub linger: Duration,
    /// How long open connections may take to end when the process ends; below the 10 s that Docker waits.
    pub drain: Duration,
    /// How many bytes are buffered for a request's head and line, and for reading; 8192 is the least.
    pub buffer: usize,
    /// How many header lines a request may have; one more is answered 431.
    pub headers: usize,
    /// How many bytes path and query may have; more is answered 414.
    pub url: usize,
    /// How many bytes a request's body may have; more is answered 413. Our largest form is a fraction of it.
    pub body_bytes: usize,
    /// How many connections there may be in all: ten thousand event streams, and as many again as it takes for a
    /// crowd of slow clients beside them to be cut off before it leaves no place.
    pub connections: usize,
    /// How many connections one address may have; a trusted proxy may have all of them.
    pub per_address: usize,
    /// How many bytes the kernel buffers for a peer that does not read; it would else grow to megabytes.
    pub send_buffer: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            idle: Duration::from_secs(150),
            write: Duration::from_secs(20),
            write_progress: 4 * 1024,
            body: Duration::from_secs(10),
            answer: Duration::from_secs(30),
            linger: Duration::from_secs(2),
            drain: Duration::from_secs(8),
            buffer: 16 * 1024,
            headers: 64,
            url: 8 * 1024,
            body_bytes: 16 * 1024,
            connections: 16_384,
            per_address: 256,
            send_buffer: 128 * 1024,
        }
    }
}
