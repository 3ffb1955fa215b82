//! A double started by hand: prints its endpoints, one line each, and ends on SIGTERM, Ctrl-C or when its
//! standard input closes. What the doubles do is the library's.

use std::io::{self, Write};
use std::process::ExitCode;

use fieldseal_doubles::{KinesisDouble, KinesisSettings, KmsDouble, KmsSettings, Limits};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

const USAGE: &str = "\
usage: fieldseal-doubles kinesis [--port P] [--region R] [--no-limits] [--stream NAME:SHARDS]…
       fieldseal-doubles kms [--port P] [--region R]… [--alias NAME]…
kinesis prints its endpoint; kms prints REGION ENDPOINT, and ALIAS ARN for a key made in the first region";

/// What the command line says.
#[derive(Debug, Default)]
struct Wishes {
    port: u16,
    regions: Vec<String>,
    no_limits: bool,
    streams: Vec<(String, u32)>,
    aliases: Vec<String>,
}

/// Held until the end; dropped, it stops.
enum Double {
    Kinesis(KinesisDouble),
    Kms(KmsDouble),
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let service = arguments.next().unwrap_or_default();
    let Some(wishes) = Wishes::read(arguments) else {
        return complain(USAGE);
    };
    let double = match service.as_str() {
        "kinesis" => kinesis(wishes).map(Double::Kinesis),
        "kms" => kms(wishes).map(Double::Kms),
        _ => return complain(USAGE),
    };
    match double {
        Err(error) => complain(&format!("cannot start {service}: {error}")),
        Ok(Double::Kinesis(running)) => {
            stopped().await;
            drop(running);
            ExitCode::SUCCESS
        }
        Ok(Double::Kms(running)) => {
            stopped().await;
            drop(running);
            ExitCode::SUCCESS
        }
    }
}

impl Wishes {
    /// `None` for what is not understood.
    fn read(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let mut wishes = Self::default();
        while let Some(option) = arguments.next() {
            match option.as_str() {
                "--no-limits" => wishes.no_limits = true,
                "--port" => wishes.port = arguments.next()?.parse().ok()?,
                "--region" => wishes.regions.push(arguments.next()?),
                "--alias" => wishes.aliases.push(arguments.next()?),
                "--stream" => {
                    let value = arguments.next()?;
                    let (name, shards) = value.rsplit_once(':')?;
                    wishes.streams.push((name.to_owned(), shards.parse().ok()?));
                }
                _ => return None,
            }
        }
        Some(wishes)
    }
}

fn kinesis(wishes: Wishes) -> io::Result<KinesisDouble> {
    let mut settings = KinesisSettings {
        port: wishes.port,
        ..KinesisSettings::default()
    };
    if let Some(region) = wishes.regions.into_iter().next() {
        settings.region = region;
    }
    if wishes.no_limits {
        settings.limits = Limits::None;
    }
    let double = KinesisDouble::start(settings)?;
    for (name, shards) in wishes.streams {
        double.create_stream(&name, shards);
    }
    writeln!(io::stdout(), "{}", double.endpoint())?;
    Ok(double)
}

fn kms(wishes: Wishes) -> io::Result<KmsDouble> {
    let mut settings = KmsSettings {
        port: wishes.port,
        ..KmsSettings::default()
    };
    if !wishes.regions.is_empty() {
        settings.regions = wishes.regions;
    }
    let regions = settings.regions.clone();
    let double = KmsDouble::start(settings)?;
    let mut out = io::stdout();
    for region in &regions {
        writeln!(out, "{region} {}", double.endpoint(region))?;
    }
    for alias in wishes.aliases {
        let arn = double.create_key(&regions[0]);
        double.alias(&alias, &arn);
        writeln!(out, "{alias} {arn}")?;
    }
    Ok(double)
}

/// SIGTERM, Ctrl-C, or nobody at the other end of standard input.
async fn stopped() {
    let (hung_up, closed) = oneshot::channel();
    // A thread of its own, which nobody waits for: the runtime would wait for a read of its own.
    std::thread::spawn(move || {
        // An error is an end as well.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = hung_up.send(());
    });
    let Ok(mut terminated) = signal(SignalKind::terminate()) else {
        return;
    };
    tokio::select! {
        _ = closed => {}
        _ = terminated.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

fn complain(what: &str) -> ExitCode {
    // Nothing is left to do if nobody listens.
    let _ = writeln!(io::stderr(), "{what}");
    ExitCode::from(2)
}
