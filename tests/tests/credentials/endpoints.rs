//! The places that give out credentials, played on loopback: STS, a container's endpoint, an
//! instance's metadata service. Owns what each of them insists on.
//!
//! Cited: "AWS Security Token Service API Reference" (`AssumeRole`, `AssumeRoleWithWebIdentity`),
//! "Amazon ECS task IAM role", "EKS Pod Identity", "Use the Instance Metadata Service to access
//! instance metadata" (IMDSv2).

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The token that a container's endpoint wants.
pub(crate) const CONTAINER_TOKEN: &str = "container-token";
/// The token that a web identity is proved by.
pub(crate) const WEB_TOKEN: &str = "web-identity-token";
const INSTANCE_TOKEN: &str = "instance-token";

/// All of them on one port.
pub(crate) struct Endpoints {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

/// One request as it came.
struct Request {
    method: String,
    /// Without scheme and host, which a proxy gets to see.
    path: String,
    host: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Request {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    }
}

impl Endpoints {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&asked);
        // Ends with the process: the test holds nothing that outlives it.
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let noted = Arc::clone(&noted);
                std::thread::spawn(move || serve(&connection, &noted));
            }
        });
        Self { port, asked }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What was asked for since the last look: `PLACE what`.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

fn serve(connection: &TcpStream, noted: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(connection);
    while let Some(request) = read(&mut reader) {
        let (place, status, body) = answer(&request);
        noted.lock().unwrap().push(place);
        let text = format!(
            "HTTP/1.1 {status} -\r\ncontent-length: {}\r\n\
             x-aws-ec2-metadata-token-ttl-seconds: 21600\r\n\r\n{body}",
            body.len()
        );
        let mut writer = connection;
        if writer.write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<&TcpStream>) -> Option<Request> {
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
    let mut words = first.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let (host, path) = match target.strip_prefix("http://") {
        Some(rest) => {
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            (host.to_owned(), format!("/{path}"))
        }
        None => (String::new(), target),
    };
    let mut request = Request {
        method,
        path,
        host,
        headers,
        body: String::new(),
    };
    let length = request.header("content-length").parse().unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    request.body = String::from_utf8_lossy(&body).into_owned();
    Some(request)
}

fn answer(request: &Request) -> (String, u16, String) {
    let (method, path) = (request.method.as_str(), request.path.as_str());
    if method == "POST" {
        return sts(request);
    }
    if path == "/task" && request.host == "169.254.170.2" {
        return ("container relative".to_owned(), 200, json("ECSTASK"));
    }
    if path == "/pod" {
        let known = request.header("authorization") == CONTAINER_TOKEN;
        let place = "container full".to_owned();
        return match known {
            true => (place, 200, json("CONTAINER")),
            false => (place, 401, String::new()),
        };
    }
    instance(request)
}

/// IMDSv2: nothing without the token, which only a PUT with a lifetime gives.
fn instance(request: &Request) -> (String, u16, String) {
    let place = format!("instance {} {}", request.method, request.path);
    if request.path == "/latest/api/token" {
        let asked = request.method == "PUT"
            && !request
                .header("x-aws-ec2-metadata-token-ttl-seconds")
                .is_empty();
        return match asked {
            true => (place, 200, INSTANCE_TOKEN.to_owned()),
            false => (place, 400, String::new()),
        };
    }
    if request.header("x-aws-ec2-metadata-token") != INSTANCE_TOKEN {
        return (place, 401, String::new());
    }
    match request.path.as_str() {
        "/latest/meta-data/iam/security-credentials/" => (place, 200, "worker".to_owned()),
        "/latest/meta-data/iam/security-credentials/worker" => (place, 200, json("INSTANCE")),
        _ => (place, 404, String::new()),
    }
}

/// STS speaks the query protocol: a form in, XML out.
fn sts(request: &Request) -> (String, u16, String) {
    let has = |part: &str| request.body.contains(part);
    let known = |action: &str| (format!("sts {action}"), 200, xml(action));
    if has("Action=AssumeRoleWithWebIdentity&") && has(WEB_TOKEN) {
        return known("AssumeRoleWithWebIdentity");
    }
    let signed = request
        .header("authorization")
        .starts_with("AWS4-HMAC-SHA256 ");
    if has("Action=AssumeRole&") && signed {
        return known("AssumeRole");
    }
    ("sts refused".to_owned(), 403, String::new())
}

fn json(who: &str) -> String {
    format!(
        "{{\"Code\":\"Success\",\"Type\":\"AWS-HMAC\",\"AccessKeyId\":\"{who}\",\
         \"SecretAccessKey\":\"secret\",\"Token\":\"session\",\
         \"LastUpdated\":\"2026-01-01T00:00:00Z\",\"Expiration\":\"2099-01-01T00:00:00Z\"}}"
    )
}

fn xml(action: &str) -> String {
    format!(
        "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result>\
         <AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn>\
         <AssumedRoleId>AROA:s</AssumedRoleId></AssumedRoleUser><Credentials>\
         <AccessKeyId>{action}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>\
         <SessionToken>session</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>\
         </Credentials></{action}Result></{action}Response>"
    )
}
