//! An application that starts by a policy file with keys in AWS KMS, and whose credentials are those
//! of its environment: seals a free value of the domain `contact`, and of `payment`, and says how
//! either went. The child process of `tests/app/start.rs`.

#![expect(clippy::print_stdout, reason = "its output is its answer")]

use fieldseal::{Error, PolicyFile, StartError, Vault};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let path = std::env::args().nth(1).expect("a policy file");
    match start(&path).await {
        Ok(vault) => {
            for domain in ["contact", "payment"] {
                match there_and_back(&vault, domain).await {
                    Ok(()) => println!("{domain}: sealed and opened"),
                    Err(Error::Denied { .. }) => println!("{domain}: denied"),
                    Err(error) => println!("{domain}: {error}"),
                }
            }
        }
        Err(error) => println!("no start: {error}"),
    }
}

async fn start(path: &str) -> Result<Vault, StartError> {
    let policy = PolicyFile::read(path)?;
    policy.start()?.open(&policy.target_url()?).await
}

async fn there_and_back(vault: &Vault, domain: &str) -> Result<(), Error> {
    let sealed = vault.seal_value(domain, &[b"cache"], b"tea").await?;
    let opened = vault.open_value(domain, &[b"cache"], &sealed).await?;
    assert_eq!(opened.expose(), b"tea");
    Ok(())
}
