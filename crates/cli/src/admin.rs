//! The admin port: liveness, readiness and metrics over HTTP, for whoever watches the process.
//! Owns paths and answers; what they mean is the monitor's. It changes nothing and shows no value.

mod probe;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fieldseal_metrics::{LagUnit, Monitor};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::exit::{Exit, Failure};

pub(crate) use probe::{Question, ask, keep_asking};

/// How many connections are served at once: one who opens more waits.
const CONNECTIONS: usize = 16;

/// How long a client may take for its request, and for all of the exchange.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the port answers from.
#[derive(Clone)]
pub(crate) struct Admin {
    pub(crate) monitor: Arc<Monitor>,
    pub(crate) unit: LagUnit,
    pub(crate) shutdown: watch::Receiver<bool>,
}

impl Admin {
    /// Binds the port and serves it in the background for as long as the process lives: a worker
    /// that drains still answers, and says that it is not ready.
    pub(crate) async fn serve(self, listen: SocketAddr) -> Result<(), Failure> {
        let listener = TcpListener::bind(listen).await.map_err(|error| {
            let text = format!(
                "admin.listen: {listen} cannot be listened on: {}; choose another address or port",
                error.kind()
            );
            Failure::new(Exit::NotAsItShouldBe, text)
        })?;
        tracing::info!(%listen, "admin port: /live, /ready, /metrics");
        tokio::spawn(async move {
            let places = Arc::new(Semaphore::new(CONNECTIONS));
            loop {
                let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                    return;
                };
                match listener.accept().await {
                    Ok((stream, _)) => {
                        let admin = self.clone();
                        tokio::spawn(async move {
                            admin.exchange(stream).await;
                            drop(place);
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "admin port: a connection was not accepted");
                        // Mostly too many open files, which does not pass by asking again at once.
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
            }
        });
        Ok(())
    }

    async fn exchange(&self, stream: TcpStream) {
        let service =
            service_fn(|request| async move { Ok::<_, Infallible>(self.answer(&request)) });
        let exchange = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE)
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), service);
        if let Ok(Err(error)) = tokio::time::timeout(PATIENCE, exchange).await {
            tracing::debug!(%error, "admin port: a request was not served");
        }
    }

    fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return text(StatusCode::METHOD_NOT_ALLOWED, "GET only\n".to_owned());
        }
        match request.uri().path() {
            "/live" if self.monitor.alive() => text(StatusCode::OK, "live\n".to_owned()),
            "/live" => {
                let why = "not live: the run does not go round any more\n";
                text(StatusCode::SERVICE_UNAVAILABLE, why.to_owned())
            }
            "/ready" => self.ready(),
            "/metrics" => {
                let draining = *self.shutdown.borrow();
                text(StatusCode::OK, self.monitor.text(self.unit, draining))
            }
            _ => {
                let paths = "there are /live, /ready and /metrics\n";
                text(StatusCode::NOT_FOUND, paths.to_owned())
            }
        }
    }

    fn ready(&self) -> Response<Full<Bytes>> {
        let mut against = self.monitor.against_ready();
        if *self.shutdown.borrow() {
            against.insert(0, "draining: told to end".to_owned());
        }
        if against.is_empty() {
            return text(StatusCode::OK, "ready\n".to_owned());
        }
        let why = format!("not ready:\n{}\n", against.join("\n"));
        text(StatusCode::SERVICE_UNAVAILABLE, why)
    }
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
    );
    response
}

#[cfg(test)]
mod tests {
    use fieldseal_metrics::{LagUnit, Monitor};
    use fieldseal_pipeline::Progress;
    use http_body_util::BodyExt as _;
    use hyper::{Method, Request};
    use tokio::sync::watch;

    use super::Admin;

    async fn ask(admin: &Admin, method: Method, path: &str) -> (u16, String) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(())
            .unwrap();
        let answer = admin.answer(&request);
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn whoever_is_told_to_end_is_not_ready_and_lives() {
        let (told, shutdown) = watch::channel(false);
        let admin = Admin {
            monitor: Monitor::new(Progress::new()),
            unit: LagUnit::Bytes,
            shutdown,
        };
        let (status, before) = ask(&admin, Method::GET, "/ready").await;
        assert_eq!(status, 503, "no shard is taken yet");
        assert!(!before.contains("draining"), "{before}");
        told.send(true).unwrap();
        let (status, why) = ask(&admin, Method::GET, "/ready").await;
        assert_eq!(status, 503);
        assert!(why.starts_with("not ready:\ndraining"), "{why}");
        assert_eq!(ask(&admin, Method::GET, "/live").await.0, 200);
        assert_eq!(ask(&admin, Method::POST, "/live").await.0, 405);
    }
}
