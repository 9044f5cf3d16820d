//! One connection, from its first byte to its end.

use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Method, Request, Response, StatusCode};
use axum::response::IntoResponse as _;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::Service as _;

use super::client_addr::{ClientAddr, UnnamedProxy};
use super::deadlines::{Phase, ReadDeadline, SharedPhase, TimedSocket};
use super::endless::{Endless, Left, Takeover};
use super::limits::Limits;

/// The least that hyper takes for its buffer.
const MIN_BUFFER: usize = 8192;

/// An answer in the making.
enum Begun<Answering: Future> {
    /// In the connection's task, with which it ends.
    Here(Answering),
    /// In a task of its own.
    Apart(JoinHandle<<Answering as Future>::Output>),
}

/// What all connections share.
#[derive(Clone)]
pub(super) struct Serving {
    pub(super) router: Router,
    pub(super) limits: Limits,
    pub(super) trusted: Arc<[IpNet]>,
    pub(super) unnamed_proxy: Arc<UnnamedProxy>,
    /// Cancelled when the process ends: no further request is taken, the present one is finished.
    pub(super) shutdown: CancellationToken,
    /// Cancelled when that has taken too long.
    pub(super) cut: CancellationToken,
}

/// Serves one connection until either side ends it or a limit does, or until an answer without an end is to be
/// written to it, which is then the caller's to do.
pub(super) async fn serve(serving: Serving, socket: TcpStream, peer: IpAddr) -> Option<Takeover> {
    let Serving {
        router,
        limits,
        trusted,
        unnamed_proxy,
        shutdown,
        cut,
    } = serving;
    // Answers are written whole; waiting for more would only delay events.
    let _ = socket.set_nodelay(true);
    let phase = SharedPhase::new();
    let mut deadline = ReadDeadline::new(phase.clone(), limits);
    let io = TokioIo::new(TimedSocket::new(socket, phase.clone(), limits));

    let left = Left::default();
    let leave = left.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        phase.set(Phase::Busy);
        let is_get = request.method() == Method::GET;
        let mut request = request.map(Body::new);
        unnamed_proxy.note(peer, request.headers(), &trusted);
        let client = ClientAddr::find(peer, request.headers(), &trusted);
        request.extensions_mut().insert(client);
        let changes = !request.method().is_safe();
        let answer = router.clone().call(request);
        // hyper drops what it serves as soon as the peer has gone, and a click whose tab is closed at once would be
        // written down or not as the processor pleases. Begun here and not when it is first polled: by then the
        // connection may have been reset.
        let answer = if changes {
            Begun::Apart(tokio::spawn(answer))
        } else {
            Begun::Here(answer)
        };
        let (phase, leave) = (phase.clone(), leave.clone());
        async move {
            let response = match answer {
                Begun::Here(answer) => answer.await?,
                // Handlers' own panics are caught by the router.
                Begun::Apart(task) => match task.await {
                    Ok(response) => response?,
                    Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
                },
            };
            if is_get && response.extensions().get::<Endless>().is_some() {
                leave.put(response);
                return pending().await;
            }
            Ok::<Response<Answer>, Infallible>(response.map(|body| Answer { body, phase }))
        }
    });
    let mut connection = http1::Builder::new()
        // `ReadDeadline` keeps the time.
        .header_read_timeout(None)
        // The end of what a client sends is not the end of what it has sent: without this, a form whose sender is
        // gone already is dropped between its head and its body. What only reads is answered into nothing then.
        .half_close(true)
        .max_headers(limits.headers)
        .max_header_size(limits.buffer)
        .max_buf_size(limits.buffer.max(MIN_BUFFER))
        .serve_connection(io, service);

    // How a connection ends is the peer's affair: time-outs, resets and nonsense are no events of ours.
    let mut endless = tokio::select! {
        endless = end_of(&mut connection, &mut deadline, &left) => Some(endless),
        () = shutdown.cancelled() => None,
    };
    if endless.is_none() {
        Pin::new(&mut connection).graceful_shutdown();
        endless = tokio::select! {
            endless = end_of(&mut connection, &mut deadline, &left) => Some(endless),
            () = cut.cancelled() => None,
        };
    }
    // Nothing of hyper's is unsent: it answers one request at a time, and this one it has not answered.
    let response = endless??;
    let socket = connection.into_parts().io.into_inner();
    Some(Takeover::new(socket, response, cut))
}

/// Waits until a connection ends by itself or its peer has taken too long: then its socket is closed when it is
/// dropped. Or until an answer without an end is left, which is given.
async fn end_of(
    connection: &mut (impl Future + Unpin),
    deadline: &mut ReadDeadline,
    left: &Left,
) -> Option<Response<Body>> {
    poll_fn(|cx| match Pin::new(&mut *connection).poll(cx) {
        Poll::Ready(_) => Poll::Ready(None),
        Poll::Pending => match left.take() {
            Some(response) => Poll::Ready(Some(response)),
            None => deadline.poll(cx).map(|()| None),
        },
    })
    .await
}

/// The body of an answer. Where it ends, the connection begins to wait for the next request.
struct Answer {
    body: Body,
    phase: SharedPhase,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.phase.set(Phase::Idle);
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
