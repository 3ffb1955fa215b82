//! A TCP proxy between a worker and its database that can lose the answer to a COMMIT. Owns
//! recognising that packet in PostgreSQL's and MySQL's protocols; everything else is passed on as
//! it is.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use fieldseal_db::Dialect;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What becomes of one COMMIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is passed on, and so is its answer.
    Passed,
    /// The server commits; the connection ends instead of the answer.
    AnswerLost,
    /// It is passed on and the connection ends at once: the server may still be at it when the
    /// worker tries again.
    CutAtOnce,
    /// It never reaches the server; the connection ends.
    NeverSent,
}

/// A proxy to one server, for as long as it lives.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: JoinHandle<()>,
}

struct Shared {
    server: SocketAddr,
    dialect: Dialect,
    decide: Mutex<Box<dyn FnMut() -> Fate + Send>>,
    commits: [AtomicU64; 4],
}

impl Proxy {
    /// A proxy on a free port of 127.0.0.1; `decide` is asked about every COMMIT.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn start(
        server: SocketAddr,
        dialect: Dialect,
        decide: impl FnMut() -> Fate + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a free port on 127.0.0.1");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            server,
            dialect,
            decide: Mutex::new(Box::new(decide)),
            commits: Default::default(),
        });
        let listening = tokio::spawn(listen(listener, Arc::clone(&shared)));
        Self {
            address,
            shared,
            listening,
        }
    }

    /// Where the worker connects to.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many COMMITs had this fate.
    #[must_use]
    pub fn commits(&self, fate: Fate) -> u64 {
        self.shared.commits[fate as usize].load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            // An error is the end of one connection, by whichever side.
            let _ = pass_on(client, &shared).await;
        });
    }
}

/// Passes on one connection until a side closes it or a COMMIT's fate ends it.
async fn pass_on(client: TcpStream, shared: &Shared) -> io::Result<()> {
    let server = TcpStream::connect(shared.server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let mut requests = Requests::new(shared.dialect);
    let (mut up, mut down) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        tokio::select! {
            read = from_client.read(&mut up) => {
                let bytes = &up[..read?];
                if bytes.is_empty() {
                    return Ok(());
                }
                // A worker sends nothing behind a COMMIT before it has the answer.
                let fate = if requests.end_with_commit(bytes) { shared.next_fate() } else { Fate::Passed };
                if fate != Fate::NeverSent {
                    to_server.write_all(bytes).await?;
                }
                match fate {
                    Fate::Passed => {}
                    Fate::NeverSent | Fate::CutAtOnce => return Ok(()),
                    Fate::AnswerLost => return from_server.read(&mut down).await.map(drop),
                }
            }
            read = from_server.read(&mut down) => {
                let bytes = &down[..read?];
                if bytes.is_empty() {
                    return Ok(());
                }
                to_client.write_all(bytes).await?;
            }
        }
    }
}

impl Shared {
    fn next_fate(&self) -> Fate {
        let fate = {
            let mut decide = self.decide.lock().unwrap_or_else(PoisonError::into_inner);
            decide()
        };
        self.commits[fate as usize].fetch_add(1, Ordering::Relaxed);
        fate
    }
}

/// What a client sends, cut into packets.
struct Requests {
    dialect: Dialect,
    /// PostgreSQL's first packet has no type, and more such may come before the session begins.
    begun: bool,
    /// The last packet as far as it has come.
    partial: Vec<u8>,
}

impl Requests {
    const fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            begun: false,
            partial: Vec::new(),
        }
    }

    /// Takes what was read and says whether it ends with a whole COMMIT.
    fn end_with_commit(&mut self, bytes: &[u8]) -> bool {
        self.partial.extend_from_slice(bytes);
        let mut commit = false;
        while let Some((header, length)) = self.next_packet() {
            let body: Vec<u8> = self.partial.drain(..length).skip(header).collect();
            commit = self.is_commit(header, &body);
        }
        commit && self.partial.is_empty()
    }

    /// The lengths of the next packet's header and of the whole packet, if it has come.
    fn next_packet(&mut self) -> Option<(usize, usize)> {
        let (header, length) = match self.dialect {
            Dialect::Postgres if !self.begun => (4, be_u32(&self.partial, 0)?),
            Dialect::Postgres => (5, be_u32(&self.partial, 1)? + 1),
            _ => {
                let size = self.partial.get(..3)?;
                let size =
                    usize::from(size[0]) | usize::from(size[1]) << 8 | usize::from(size[2]) << 16;
                (4, size + 4)
            }
        };
        (self.partial.len() >= length).then_some((header, length))
    }

    fn is_commit(&mut self, header: usize, body: &[u8]) -> bool {
        match self.dialect {
            // A request for TLS or GSS comes before the start-up packet, which begins with 3.0.
            Dialect::Postgres if header == 4 => {
                self.begun = body.starts_with(&[0, 3]);
                false
            }
            // A simple query; its text ends with a zero. No other message has such a body.
            Dialect::Postgres => body == b"COMMIT\0",
            // COM_QUERY.
            _ => body == b"\x03COMMIT",
        }
    }
}

fn be_u32(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at + 4)?.try_into().ok()?;
    usize::try_from(u32::from_be_bytes(bytes)).ok()
}

#[cfg(test)]
mod tests {
    use super::Requests;
    use fieldseal_db::Dialect;

    #[test]
    fn commits_are_found_however_the_bytes_are_cut() {
        let postgres: &[u8] =
            b"\0\0\0\x08\x04\xd2\x16\x2f\0\0\0\x0c\0\x03\0\0abc\0Q\0\0\0\x0bCOMMIT\0";
        let mysql: &[u8] = b"\x03\0\0\x01abc\x08\0\0\0\x03COMMIT?\x07\0\0\0\x03COMMIT";
        for (dialect, bytes) in [(Dialect::Postgres, postgres), (Dialect::MySql, mysql)] {
            for cut in 0..bytes.len() {
                let mut requests = Requests::new(dialect);
                assert!(!requests.end_with_commit(&bytes[..cut]), "{cut}");
                assert!(requests.end_with_commit(&bytes[cut..]), "{cut}");
            }
        }
    }
}
