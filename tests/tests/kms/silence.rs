//! That no data key reaches a log, even at the finest level and from within the SDK.

use std::io::Write;
use std::sync::{Arc, Mutex};

use fieldseal_envelope::DataKey;
use fieldseal_keys::KeyProvider;
use tracing_subscriber::filter::LevelFilter;

use crate::peers::{HERE, context, provider, start};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A request to `Encrypt` holds the data key, and the SDK logs whole requests at level trace.
#[tokio::test]
async fn no_data_key_is_logged_at_any_level() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let kms = start();
    let key = kms.create_key(HERE);
    let provider = provider(&kms, HERE, &key).await;
    let data_key = DataKey::from_bytes([7; 32]);
    let wrapped = provider.wrap(&context("contact"), &data_key).await.unwrap();
    let name = &provider.wrapping_keys()[0];
    let opened = provider.unwrap(&context("contact"), name, &wrapped).await;
    assert_eq!(opened.ok().unwrap().expose(), &[7; 32]);

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    // The control: the SDK's finest level was on, and shows the request that names the key.
    assert!(text.contains("transmitting request"), "nothing was logged");
    for secret in [
        "BwcHBwcHBwcHBwcHBwcH",
        "0707070707",
        "7, 7, 7, 7",
        "\\x07\\x07",
    ] {
        assert!(!text.contains(secret), "a data key is in the log");
    }
}
