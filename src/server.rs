//! The servers of HTTP: the addresses that they listen on, how they take connections, and how they stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_http::HttpService;
use actix_http::body::MessageBody;
use actix_service::{
    IntoServiceFactory as _, ServiceFactory, ServiceFactoryExt as _, fn_service, map_config,
};
use actix_web::dev::{AppConfig, Server, ServiceRequest, ServiceResponse};
use actix_web::rt::net::TcpStream;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::{Domain, Socket, Type};

use crate::api::http::connections::Connections;
use crate::api::http::wire::Wire;

/// How long open requests have to finish once the server stops, in seconds.
const SHUTDOWN_SECS: u64 = 6;
/// How long the service waits for a client to take the last bytes and to close its side.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How many connections the kernel queues before the service accepts them.
const BACKLOG: u16 = 4096;
/// How long the last connections have to send their first request.
const LAST_PATIENCE: Duration = Duration::from_secs(1);
/// How many checks in a row must find no connection without a request before the server stops, and how long after
/// each other they come.
const QUIET: (u32, Duration) = (5, Duration::from_millis(10));

/// How a server takes connections.
pub(crate) struct Reception {
    pub(crate) connections: Arc<Connections>,
    /// How many threads answer.
    pub(crate) workers: usize,
    /// How many connections are accepted at a time.
    pub(crate) accepted_max: usize,
    /// How long a connection may be idle between requests.
    pub(crate) keep_alive: Duration,
    /// How long a client may take to send a head.
    pub(crate) head_timeout: Duration,
}

/// The sockets of the addresses of a server.
#[derive(Debug)]
pub(crate) struct Listeners(Vec<Socket>);

impl Listeners {
    /// Binds the addresses of a name, as many as this machine has. Nothing is answered before a server runs on them.
    ///
    /// # Errors
    /// No address could be bound, for example because another program uses it.
    pub(crate) fn bind(addresses: &[SocketAddr]) -> io::Result<Listeners> {
        let (mut sockets, mut failure) = (Vec::new(), None);
        for address in addresses {
            match listen(*address) {
                Ok(socket) => sockets.push(socket),
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            Some(error) if sockets.is_empty() => Err(error),
            _ => Ok(Listeners(sockets)),
        }
    }

    /// Makes the server that answers on them once it is awaited.
    ///
    /// # Errors
    /// The system refused a copy of a socket.
    pub(crate) fn server<F, T, B>(&self, reception: &Reception, application: F) -> io::Result<Server>
    where
        F: Fn() -> actix_web::App<T> + Clone + Send + 'static,
        T: ServiceFactory<
                ServiceRequest,
                Config = (),
                Response = ServiceResponse<B>,
                Error = actix_web::Error,
                InitError = (),
            > + 'static,
        B: MessageBody + 'static,
    {
        let mut server = Server::build()
            .workers(reception.workers)
            .max_concurrent_connections(reception.accepted_max.div_ceil(reception.workers))
            .disable_signals()
            .shutdown_timeout(SHUTDOWN_SECS);
        let ending = server.graceful_shutdown_signal();
        let (keep_alive, head_timeout) = (reception.keep_alive, reception.head_timeout);
        for socket in &self.0 {
            let (connections, ending) = (Arc::clone(&reception.connections), ending.clone());
            let application = application.clone();
            server = server.listen("http", socket.try_clone()?.into(), move || {
                let (connections, ending) = (Arc::clone(&connections), ending.clone());
                let application = application().into_factory().map_err(|error| error.error_response());
                let http = HttpService::build()
                    .graceful_shutdown_signal(move || {
                        let ending = ending.clone();
                        async move { ending.notified().await }
                    })
                    // Clients and proxies must close idle connections first: a request that is on its way to a closed connection fails.
                    .keep_alive(keep_alive)
                    .client_request_timeout(head_timeout)
                    .client_disconnect_timeout(DISCONNECT_TIMEOUT)
                    // `Wire` ends a safe request whose client is gone; a change still gets its answer.
                    .h1_allow_half_closed(true)
                    .on_connect_ext(move |wire: &Wire, data| connections.accept(wire, data))
                    .h1(map_config(application, |()| AppConfig::default()));
                fn_service(move |stream: TcpStream| async move {
                    let peer = stream.peer_addr().ok();
                    Ok((Wire::new(stream, head_timeout), peer))
                })
                .and_then(http)
            })?;
        }
        Ok(server.run())
    }

    /// Takes no further connections, and waits at most a second until those that came before have sent their first
    /// request. A server that stopped at once would reset connections that the kernel has already accepted. This
    /// closes the copies of the sockets that `self` holds.
    pub(crate) async fn close(self, connections: &Connections) {
        for socket in &self.0 {
            ignore_newcomers(socket);
        }
        let until = Instant::now() + LAST_PATIENCE;
        let (mut quiet, (steps, step)) = (0, QUIET);
        while quiet < steps && Instant::now() < until {
            tokio::time::sleep(step).await;
            quiet = if self.is_awaited() || connections.new_ones() > 0 { 0 } else { quiet + 1 };
        }
    }

    /// Whether a connection waits to be accepted.
    fn is_awaited(&self) -> bool {
        let mut sockets: Vec<PollFd<'_>> =
            self.0.iter().map(|socket| PollFd::new(socket, PollFlags::IN)).collect();
        poll(&mut sockets, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }
}

fn listen(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // Otherwise connections of an earlier process block the address for a minute.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG.into())?;
    Ok(socket)
}

/// From now on the kernel drops requests for new connections. The client asks again a second later, and finds the
/// next process, or none.
#[cfg(target_os = "linux")]
fn ignore_newcomers(socket: &Socket) {
    use socket2::SockFilter;
    // In the language of socket filters: load the flags of the TCP header; keep SYN and ACK; drop what has only SYN.
    let (load, and, skip_unless_equal, end) = (0x30, 0x54, 0x15, 0x06);
    let (flags_at, syn, ack) = (13, 0x02, 0x10);
    let filter = [
        SockFilter::new(load, 0, 0, flags_at),
        SockFilter::new(and, 0, 0, syn | ack),
        SockFilter::new(skip_unless_equal, 0, 1, syn),
        SockFilter::new(end, 0, 0, 0),
        SockFilter::new(end, 0, 0, u32::MAX),
    ];
    if let Err(error) = socket.attach_filter(&filter) {
        tracing::debug!(%error, "connections come until the end");
    }
}

/// Other systems have no such filter; a connection of the last moment may break.
#[cfg(not(target_os = "linux"))]
fn ignore_newcomers(_: &Socket) {}
