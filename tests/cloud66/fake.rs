//! A server on a port of its own: it writes down every request and reacts as the test says.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stackdeck::cloud66::{Api, ApiVersion, Budget, Client, ClientOptions, Timeouts};
use stackdeck::domain::{AccessToken, Clock};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

pub(crate) const TOKEN: &str = "tok3n-that-must-not-leak";

/// One request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: HashMap<String, String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(key, _)| key == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} came twice");
        value
    }

    pub(crate) fn page(&self) -> u32 {
        self.query["page"].parse().unwrap()
    }

    pub(crate) fn form(&self) -> Vec<(String, String)> {
        let pairs = url::form_urlencoded::parse(self.body.as_bytes());
        pairs
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect()
    }
}

/// What to do with a request.
pub(crate) enum Reaction {
    /// A whole answer.
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    },
    /// Bytes as they are, and then this.
    Raw(Vec<u8>, Then),
}

pub(crate) enum Then {
    /// Closes the connection.
    Close,
    /// Cuts it with a reset.
    Reset,
    /// Keeps it open and says nothing more.
    Silence,
}

pub(crate) fn json(status: u16, body: impl Into<String>) -> Reaction {
    Reaction::Answer {
        status,
        headers: vec![("Content-Type", "application/json".into())],
        body: body.into().into_bytes(),
    }
}

impl Reaction {
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.retain(|(known, _)| *known != name);
            headers.push((name, value.into()));
        }
        self
    }

    /// An answer that is a list if it is read to its end, and is far larger on the way than it looks: 200 MB
    /// of spaces in less than 300 KB.
    pub(crate) fn gzip_bomb() -> Self {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let spaces = vec![b' '; 1 << 20];
        gzip.write_all(b"[").unwrap();
        for _ in 0..200 {
            gzip.write_all(&spaces).unwrap();
        }
        gzip.write_all(b"]").unwrap();
        let body = gzip.finish().unwrap();
        Self::Answer {
            status: 200,
            headers: vec![
                ("Content-Type", "application/json".into()),
                ("Content-Encoding", "gzip".into()),
            ],
            body,
        }
    }

    /// 50 MB that are a list if they are read to their end.
    pub(crate) fn flood() -> Self {
        let mut body = vec![b' '; 50 << 20];
        body[0] = b'[';
        body.push(b']');
        json(200, "").with_body(body)
    }

    pub(crate) fn with_body(mut self, bytes: Vec<u8>) -> Self {
        if let Self::Answer { body, .. } = &mut self {
            *body = bytes;
        }
        self
    }

    fn into_bytes(self) -> (Vec<u8>, Option<Then>) {
        match self {
            Self::Raw(bytes, then) => (bytes, Some(then)),
            Self::Answer {
                status,
                headers,
                body,
            } => {
                let mut bytes =
                    format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n", body.len()).into_bytes();
                for (name, value) in headers {
                    bytes.extend(format!("{name}: {value}\r\n").bytes());
                }
                bytes.extend(b"\r\n");
                bytes.extend(body);
                (bytes, None)
            }
        }
    }
}

/// The server. It lives as long as the test's runtime.
pub(crate) struct Fake {
    pub(crate) url: Url,
    journal: Arc<Mutex<Vec<Seen>>>,
    written: Arc<Mutex<usize>>,
}

impl Fake {
    /// Reacts to each request by what `react` says of it and its number, from 0.
    pub(crate) async fn start(react: impl Fn(&Seen, usize) -> Reaction + Send + Sync + 'static) -> Self {
        let react = Arc::new(react);
        Self::start_slow(move |seen, number| {
            let react = react.clone();
            async move { react(&seen, number) }
        })
        .await
    }

    /// The same, when reacting takes waiting.
    pub(crate) async fn start_slow<F>(react: impl Fn(Seen, usize) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Reaction> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let fake = Self {
            url,
            journal: Arc::default(),
            written: Arc::default(),
        };
        let (journal, written, react) = (fake.journal.clone(), fake.written.clone(), Arc::new(react));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (journal, written, react) = (journal.clone(), written.clone(), react.clone());
                tokio::spawn(async move {
                    while let Some(seen) = read_request(&mut stream).await {
                        let number = {
                            let mut journal = journal.lock().unwrap();
                            journal.push(seen.clone());
                            journal.len() - 1
                        };
                        let (bytes, then) = react(seen, number).await.into_bytes();
                        for piece in bytes.chunks(64 * 1024) {
                            if stream.write_all(piece).await.is_err() {
                                return;
                            }
                            *written.lock().unwrap() += piece.len();
                        }
                        match then {
                            None => {}
                            Some(Then::Close) => return,
                            Some(Then::Reset) => return stream.set_zero_linger().unwrap(),
                            Some(Then::Silence) => std::future::pending().await,
                        }
                    }
                });
            }
        });
        fake
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.journal.lock().unwrap().clone()
    }

    /// The only request that came.
    pub(crate) fn only(&self) -> Seen {
        let mut seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0)
    }

    /// Bytes that the other side took, as far as the operating system tells.
    pub(crate) fn written(&self) -> usize {
        *self.written.lock().unwrap()
    }

    pub(crate) fn client(&self) -> Client {
        client(self.url.clone(), ApiVersion::V3, patient())
    }

    pub(crate) fn api(&self) -> Api {
        api(&self.client()).0
    }

    pub(crate) fn api_of_version_2(&self) -> Api {
        api(&client(self.url.clone(), ApiVersion::V2, patient())).0
    }

    /// An api that gives up soon, for servers that never answer.
    pub(crate) fn hasty_api(&self) -> Api {
        let timeouts = Timeouts {
            total: HASTY,
            ..patient()
        };
        api(&client(self.url.clone(), ApiVersion::V3, timeouts)).0
    }
}

/// Soon enough to wait for, and long enough that a slow machine has sent its request by then.
pub(crate) const HASTY: Duration = Duration::from_secs(2);

/// Long enough that a slow machine is not taken for a silent server.
pub(crate) fn patient() -> Timeouts {
    Timeouts {
        connect: Duration::from_mins(5),
        total: Duration::from_mins(5),
        probe: Duration::from_mins(5),
        retry_pause: Duration::from_millis(1),
    }
}

pub(crate) fn client(url: Url, version: ApiVersion, timeouts: Timeouts) -> Client {
    Client::new(
        ClientOptions {
            url,
            version,
            timeouts,
        },
        Clock::system(),
    )
    .unwrap()
}

pub(crate) fn api(client: &Client) -> (Api, Budget) {
    let budget = Budget::new(Clock::system());
    (client.api(&AccessToken::new(TOKEN.into()), &budget), budget)
}

/// An address where nobody listens.
pub(crate) async fn nowhere() -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
        .parse()
        .unwrap()
}

/// A server that is too busy to take a connection: nobody accepts, and the queue is full for as long as the
/// second part of the answer is kept.
pub(crate) fn full_house() -> (Url, (TcpListener, Vec<std::net::TcpStream>)) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut crowd = Vec::new();
    while let Ok(stream) = std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        crowd.push(stream);
        assert!(crowd.len() < 1_000, "the queue does not fill");
    }
    (format!("http://{address}").parse().unwrap(), (listener, crowd))
}

/// Reads one request; none where the other side is gone or does not speak HTTP.
async fn read_request(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes: Vec<u8> = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if bytes.first().is_some_and(|first| !first.is_ascii_uppercase()) {
            return None;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap().split(' ');
    let (method, target) = (first.next().unwrap(), first.next().unwrap());
    let headers: Vec<(String, String)> = lines
        .map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        })
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = bytes[end + 4..].to_vec();
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Some(Seen {
        method: method.to_owned(),
        path: path.to_owned(),
        query: url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect(),
        headers,
        body: String::from_utf8(body).unwrap(),
    })
}
