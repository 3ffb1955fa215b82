//! The AWS JSON 1.1 protocol as both services speak it: headers, error bodies, request ids, and the faults
//! that strike any call. What an operation does is the service's matter. Follows the page "AWS JSON 1.1
//! protocol" of Smithy and the `CommonErrors` pages of both API references.

mod server;
mod signature;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, DATE};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use serde::Deserialize;
use serde_json::json;

use crate::calls::Calls;
use crate::clock::Clock;
use crate::faults::{Fault, Faults};

pub(crate) use server::Server;

const JSON: &str = "application/x-amz-json-1.1";

/// More than any request that AWS takes: 10 MiB of records in base64, with room for names.
const MAX_BODY: usize = 24 << 20;

/// One service in one region.
pub(crate) trait Service: Send + Sync + 'static {
    /// What stands before the dot in `X-Amz-Target`.
    fn target(&self) -> &'static str;
    /// The service's name in a signature's scope.
    fn signing_name(&self) -> &'static str;
    fn region(&self) -> &str;
    fn shared(&self) -> &Shared;
    /// Whether anybody listens here at all.
    fn reachable(&self) -> bool {
        !self.shared().faults.outage()
    }
    /// How this service says "slower" for this operation.
    fn throttled(&self, operation: &str) -> Failure;
    fn answer(&self, call: &Call<'_>) -> Result<Vec<u8>, Failure>;
}

/// What a double's owner and its server both hold.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) faults: Faults,
    pub(crate) clock: Clock,
    pub(crate) calls: Calls,
}

impl Shared {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self {
            faults: Faults::seeded(seed),
            clock: Clock::default(),
            calls: Calls::default(),
        }
    }
}

/// One call, checked as far as the protocol goes.
pub(crate) struct Call<'a> {
    pub(crate) operation: &'a str,
    pub(crate) access_key: &'a str,
    body: &'a [u8],
}

impl<'a> Call<'a> {
    /// The input. What is no JSON of the right shape is a `SerializationException`.
    pub(crate) fn input<T: Deserialize<'a>>(&self) -> Result<T, Failure> {
        serde_json::from_slice(self.body)
            .map_err(|error| Failure::new("SerializationException", &error.to_string()))
    }
}

/// An error answer: `{"__type": code, "message": …}`.
#[derive(Debug)]
pub(crate) struct Failure {
    status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Failure {
    /// An error of the caller's making: HTTP 400.
    pub(crate) fn new(code: &'static str, message: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code,
            message: message.to_owned(),
        }
    }

    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// An error of the service's: HTTP 500.
    pub(crate) fn server(code: &'static str, message: &str) -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            ..Self::new(code, message)
        }
    }
}

/// The connection is to be cut without an answer.
#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cut on demand")
    }
}

impl std::error::Error for Cut {}

/// From request to response; an error cuts the connection.
async fn serve<S: Service>(
    service: &S,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Cut> {
    let shared = service.shared();
    if !service.reachable() {
        return Err(Cut);
    }
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return Err(Cut),
    };
    let operation = operation(service.target(), &head.headers);
    let named = operation.as_deref().unwrap_or("?");
    shared.calls.received(named);
    let outcome = match &operation {
        Ok(operation) => {
            let checked = check(service, &head.method, &head.headers);
            match checked {
                Ok(access_key) => {
                    let call = Call {
                        operation,
                        access_key: &access_key,
                        body: &body,
                    };
                    answer(service, &call).await
                }
                Err(failure) => Ok(Err(failure)),
            }
        }
        Err(failure) => Ok(Err(Failure::new(failure.code, &failure.message))),
    };
    match outcome {
        Ok(Ok(body)) => Ok(respond(shared, StatusCode::OK, body)),
        Ok(Err(failure)) => {
            shared.calls.failed_with(named, failure.code);
            Ok(failed(shared, &failure))
        }
        Err(cut) => {
            shared.calls.failed_with(named, "Dropped");
            Err(cut)
        }
    }
}

/// The effect and its answer, with the faults in the order in which they can strike.
async fn answer<S: Service>(service: &S, call: &Call<'_>) -> Result<Result<Vec<u8>, Failure>, Cut> {
    let faults = &service.shared().faults;
    let strike = |sample| faults.strike(call.operation, &sample);
    let latency = faults.latency(call.operation);
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    if strike(Fault::DroppedBefore(1.0)) {
        return Err(Cut);
    }
    if faults.denies(call.operation, call.access_key) {
        let who = "the caller is not authorized to perform this operation";
        return Ok(Err(Failure::new("AccessDeniedException", who)));
    }
    if strike(Fault::Throttling(1.0)) {
        return Ok(Err(service.throttled(call.operation)));
    }
    let broken = || Ok(Err(Failure::server("InternalFailure", "an internal error")));
    let breaks = strike(Fault::ServerErrors(1.0));
    if breaks && faults.share(0.5) {
        return broken();
    }
    let answer = service.answer(call);
    if strike(Fault::DroppedAfter(1.0)) {
        return Err(Cut);
    }
    if breaks { broken() } else { Ok(answer) }
}

fn operation(target: &str, headers: &HeaderMap) -> Result<String, Failure> {
    let unknown = || {
        Failure::new(
            "UnknownOperationException",
            "X-Amz-Target names no operation",
        )
    };
    let value = text(headers, "x-amz-target").ok_or_else(unknown)?;
    let (prefix, operation) = value.split_once('.').ok_or_else(unknown)?;
    if prefix == target && !operation.is_empty() {
        Ok(operation.to_owned())
    } else {
        Err(unknown())
    }
}

/// What holds for every call. Gives the access key id.
fn check<S: Service>(service: &S, method: &Method, headers: &HeaderMap) -> Result<String, Failure> {
    if method != Method::POST || text(headers, "content-type") != Some(JSON) {
        let expected = "POST with Content-Type application/x-amz-json-1.1 is expected";
        return Err(Failure::new("UnknownOperationException", expected));
    }
    signature::access_key(headers, service.region(), service.signing_name())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn failed(shared: &Shared, failure: &Failure) -> Response<Full<Bytes>> {
    let body = json!({ "__type": failure.code, "message": failure.message });
    respond(shared, failure.status, body.to_string().into_bytes())
}

fn respond(shared: &Shared, status: StatusCode, body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let now = std::time::UNIX_EPOCH + std::time::Duration::from_millis(shared.clock.now());
    let headers = response.headers_mut();
    let mut put = |name, value: &str| {
        headers.insert(name, value.parse().expect("plain ASCII"));
    };
    put(CONTENT_TYPE, JSON);
    put(DATE, &httpdate::fmt_http_date(now));
    put(
        "x-amzn-requestid".parse().expect("a header's name"),
        &request_id(),
    );
    response
}

/// A version 4 UUID (RFC 9562).
fn request_id() -> String {
    let mut bits = u128::from_be_bytes(random_bytes());
    bits = (bits & !(0xf << 76)) | (0x4 << 76);
    bits = (bits & !(0x3 << 62)) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

/// From the machine's generator.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    use ring::rand::{SecureRandom, SystemRandom};
    let mut bytes = [0; N];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.expect("the machine has a generator of random bytes");
    bytes
}
