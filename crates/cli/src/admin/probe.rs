//! Both ends of watching: asking the target from within the process, and asking the process from
//! outside, as a container's health check does.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use fieldseal_envelope::Purpose;
use fieldseal_keys::{KeyState, KeyStore, KeyUse};
use fieldseal_metrics::{KeyBudget, Monitor};
use fieldseal_store::{QuarantineCount, Store};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How often the target is asked, and how long it may take.
const EVERY: Duration = Duration::from_secs(10);

/// How long the process may take to answer; container health checks wait for 30 seconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest answer that is looked at: status and reasons stand at its beginning.
const LONGEST: u64 = 64 << 10;

/// Asks the target again and again what it holds, and tells the monitor.
pub(crate) async fn keep_asking(monitor: Arc<Monitor>, store: Arc<Store>, keys: Arc<dyn KeyStore>) {
    loop {
        let asking = async {
            let held = store.held_counts().await.ok()?;
            Some((held, keys.list().await.ok()?))
        };
        match tokio::time::timeout(EVERY, asking).await {
            Ok(Some((held, keys))) => {
                monitor.target_answered(true);
                monitor.held(by_table(held));
                monitor.keys(&budgets(&keys));
            }
            Ok(None) | Err(_) => monitor.target_answered(false),
        }
        tokio::time::sleep(EVERY).await;
    }
}

fn by_table(held: Vec<QuarantineCount>) -> std::collections::BTreeMap<String, u64> {
    let mut tables = std::collections::BTreeMap::new();
    for one in held {
        *tables.entry(one.table.unwrap_or_default()).or_default() += one.count;
    }
    tables
}

fn budgets(keys: &[KeyUse]) -> Vec<KeyBudget> {
    let budget = |key: &KeyUse| KeyBudget {
        key: key.id.to_string(),
        reserved: key.reserved,
        left: match key.state {
            Some(KeyState::Active) => key.limit.saturating_sub(key.reserved),
            _ => 0,
        },
    };
    let seals = |key: &&KeyUse| key.purpose != Purpose::Index.as_str();
    keys.iter().filter(seals).map(budget).collect()
}

/// What is asked of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    Live,
    Ready,
}

/// Asks the process whose admin port this is; answers what it says, or why it says nothing.
pub(crate) async fn ask(listen: SocketAddr, question: Question) -> Result<(), String> {
    let to = reachable(listen);
    match tokio::time::timeout(PATIENCE, exchange(to, question)).await {
        Ok(Ok(answer)) => judge(&answer),
        Ok(Err(error)) => Err(format!("{to} does not answer: {}", error.kind())),
        Err(_) => Err(format!("{to} does not answer in {} s", PATIENCE.as_secs())),
    }
}

async fn exchange(to: SocketAddr, question: Question) -> std::io::Result<String> {
    let path = match question {
        Question::Live => "/live",
        Question::Ready => "/ready",
    };
    let mut stream = TcpStream::connect(to).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(LONGEST).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn judge(answer: &str) -> Result<(), String> {
    if answer.starts_with("HTTP/1.1 200 ") {
        return Ok(());
    }
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Err(match body.trim() {
        "" => "what answers is no admin port of Fieldseal".to_owned(),
        why => why.replace('\n', "; ").replacen(":; ", ": ", 1),
    })
}

/// A port that listens on every address is asked on this host's own.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::{judge, reachable};

    #[test]
    fn an_answer_is_its_status() {
        assert_eq!(judge("HTTP/1.1 200 OK\r\n\r\nready\n"), Ok(()));
        let not =
            "HTTP/1.1 503 Service Unavailable\r\na: b\r\n\r\nnot ready:\nshard a has stopped\n";
        assert_eq!(judge(not), Err("not ready: shard a has stopped".to_owned()));
        assert!(judge("SSH-2.0-OpenSSH").is_err());
        assert!(judge("").is_err());
    }

    #[test]
    fn every_address_is_this_host() {
        let to = |listen: &str| reachable(listen.parse().unwrap()).to_string();
        assert_eq!(to("0.0.0.0:9464"), "127.0.0.1:9464");
        assert_eq!(to("[::]:9464"), "[::1]:9464");
        assert_eq!(to("10.1.2.3:9464"), "10.1.2.3:9464");
    }
}
