//! The service as a process, and requests to it. Owns ending it, also when its test fails.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;

use serde_json::Value;

/// A running service.
pub(crate) struct Service {
    child: Child,
    address: String,
    log: Option<JoinHandle<String>>,
}

impl Service {
    /// Starts it on a free port.
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut child = command(args).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (tell, told) = mpsc::channel();
        let log = std::thread::spawn(move || {
            let mut log = String::new();
            while let Some(Ok(line)) = lines.next() {
                if let Some((_, url)) = line.split_once("listening on http://") {
                    tell.send(url.replace("/customers", "")).unwrap();
                }
                log = log + &line + "\n";
            }
            log
        });
        let Ok(address) = told.recv() else {
            panic!("the service ended: {}", log.join().unwrap());
        };
        assert!(address.starts_with("127.0.0.1:"), "{address}");
        Self {
            child,
            address,
            log: Some(log),
        }
    }

    /// Starts one that must refuse to; what it said.
    pub(crate) fn refused(args: &[&str]) -> String {
        let output = command(args).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    }

    /// Status and JSON of an answer.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_default())
    }

    /// Ends it; what it logged.
    pub(crate) fn end(mut self) -> String {
        self.child.kill().unwrap();
        self.log.take().unwrap().join().unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop-api"));
    command
        .args(["--port", "0"])
        .args(args)
        .stderr(Stdio::piped());
    command
        .env_remove("SHOP_URL")
        .env_remove("SHOP_PLAINTEXT_URL");
    command
}
