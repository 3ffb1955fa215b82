//! One 32-byte field sealed and opened, everything included, against bare AES-256-GCM with the
//! same bytes of additional data and a ready key schedule; and against Tink, where that is built in.

#[cfg(feature = "tink")]
mod tink;

use std::hint::black_box;
use std::sync::Arc;

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use fieldseal_envelope::{
    ColumnId, ColumnRef, DataKey, Expected, Field, Grant, Purpose, SealingKey, TableId,
};
use fieldseal_model::{Kind, RowKey, Value};
use serde_json::json;

use crate::args::Args;
use crate::report::{Failure, rounded};
use crate::stopwatch::{Stopwatch, median};

/// Seals of one round, and of one call of `seal_columns`.
const ROUND: u32 = 300_000;
const BATCH: usize = 384;
const VALUE: &str = "thirty-two bytes of a cell: 42!!";

/// What is sealed, for which place.
struct Subject {
    column: ColumnRef,
    row: RowKey,
    value: Value,
    key: Arc<SealingKey>,
    /// As many bytes of additional data as this place has, and a key of its own.
    aad: Vec<u8>,
    bare: Aes256Gcm,
}

/// Nanoseconds of CPU time for one field.
#[derive(Default)]
struct Samples {
    bare_seal: Vec<f64>,
    one_by_one: Vec<f64>,
    batched: Vec<f64>,
    bare_open: Vec<f64>,
    open: Vec<f64>,
    #[cfg(feature = "tink")]
    tink_seal: Vec<f64>,
    #[cfg(feature = "tink")]
    tink_open: Vec<f64>,
}

pub(crate) fn measure(args: &Args) -> Result<serde_json::Value, Failure> {
    let subject = Subject::new()?;
    let sealed = subject.sealed()?;
    let mut samples = Samples::default();
    #[cfg(feature = "tink")]
    let tink = tink::Tink::new(&subject.aad)?;
    for _ in 0..args.rounds * 3 {
        samples.bare_seal.push(per_field(|| subject.bare_seal())?);
        samples.batched.push(per_field(|| subject.batched())?);
        samples.one_by_one.push(per_field(|| subject.one_by_one())?);
        samples.bare_open.push(per_field(|| subject.bare_open())?);
        samples.open.push(per_field(|| subject.open(&sealed))?);
        #[cfg(feature = "tink")]
        {
            let aad = &subject.aad;
            samples.tink_seal.push(per_field(|| tink.seal(aad))?);
            samples.tink_open.push(per_field(|| tink.open(aad))?);
        }
    }
    Ok(json!({
        "bytes": VALUE.len(),
        "additional_bytes": subject.aad.len(),
        "fields_per_round": ROUND,
        "rounds": args.rounds * 3,
        "ns_bare_seal": rounded(median(samples.bare_seal.iter().copied()), 1),
        "ns_seal_batched": rounded(median(samples.batched.iter().copied()), 1),
        "ns_seal_one_by_one": rounded(median(samples.one_by_one.iter().copied()), 1),
        "ns_bare_open": rounded(median(samples.bare_open.iter().copied()), 1),
        "ns_open": rounded(median(samples.open.iter().copied()), 1),
        "seal_batched_to_bare": ratio(&samples.batched, &samples.bare_seal),
        "seal_one_by_one_to_bare": ratio(&samples.one_by_one, &samples.bare_seal),
        "open_to_bare": ratio(&samples.open, &samples.bare_open),
        "aim": "at most 1.3",
        "tink": samples.to_tink(),
    }))
}

impl Samples {
    #[cfg(feature = "tink")]
    fn to_tink(&self) -> serde_json::Value {
        json!({
            "ns_tink_seal": rounded(median(self.tink_seal.iter().copied()), 1),
            "ns_tink_open": rounded(median(self.tink_open.iter().copied()), 1),
            "seal_batched_to_tink": ratio(&self.batched, &self.tink_seal),
            "seal_one_by_one_to_tink": ratio(&self.one_by_one, &self.tink_seal),
            "open_to_tink": ratio(&self.open, &self.tink_open),
        })
    }

    #[cfg(not(feature = "tink"))]
    #[expect(clippy::unused_self, reason = "with the feature it has what it gives")]
    fn to_tink(&self) -> serde_json::Value {
        json!("not measured: build with --features tink")
    }
}

/// The median of the rounds' own ratios: neighbours in time share the machine's mood.
fn ratio(ours: &[f64], bare: &[f64]) -> f64 {
    rounded(
        median(ours.iter().zip(bare).map(|(ours, bare)| ours / bare)),
        3,
    )
}

fn per_field(work: impl FnOnce() -> Result<(), Failure>) -> Result<f64, Failure> {
    let watch = Stopwatch::start();
    work()?;
    Ok(watch.read().cpu * 1e9 / f64::from(ROUND))
}

impl Subject {
    fn new() -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::of("preparing the field", &error);
        let domain = "contact".parse().map_err(|e| failed(&e))?;
        let data_key = DataKey::generate().map_err(|e| failed(&e))?;
        let key = SealingKey::derive(&data_key, &domain, Purpose::Seal).map_err(|e| failed(&e))?;
        let column = ColumnRef::new(
            TableId::new("shop.customers").map_err(|e| failed(&e))?,
            ColumnId::new("email").map_err(|e| failed(&e))?,
        );
        let id = Value::integer("1234567").map_err(|e| failed(&e))?;
        let row = RowKey::new([&id]).map_err(|e| failed(&e))?;
        // docs/FORMAT.md, section 2: label, header, table, column, each but the header behind
        // its length; then the row key.
        let length = (4 + 18) + 17 + (4 + 14) + (4 + 5) + row.as_bytes().len();
        Ok(Self {
            column,
            row,
            value: Value::text(VALUE),
            key: Arc::new(key),
            aad: vec![0x5a; length],
            bare: Aes256Gcm::new(<&Key<Aes256Gcm>>::from(&[7; 32])),
        })
    }

    fn grant(&self) -> Result<Grant, Failure> {
        self.key
            .grant(ROUND)
            .map_err(|error| Failure::of("taking a grant", &error))
    }

    /// The cipher alone: kind byte and value encrypted in place, with the tag behind. The length
    /// is hidden from the compiler: no caller has values whose lengths it could be built for.
    fn bare_seal(&self) -> Result<(), Failure> {
        let mut buffer = [0_u8; 33];
        for round in 0..ROUND {
            buffer[0] = b't';
            buffer[1..].copy_from_slice(VALUE.as_bytes());
            let mut nonce = [0_u8; 12];
            nonce[..4].copy_from_slice(&round.to_be_bytes());
            let tag = self
                .bare
                .encrypt_inout_detached(
                    <&Nonce<_>>::from(&nonce),
                    black_box(&self.aad),
                    black_box(buffer.as_mut_slice()).into(),
                )
                .map_err(|error| Failure::of("the bare cipher", &error))?;
            black_box((&buffer, tag));
        }
        Ok(())
    }

    fn bare_open(&self) -> Result<(), Failure> {
        let nonce = [3_u8; 12];
        let failed = |error| Failure::of("the bare cipher", &error);
        let mut sealed = [0x61_u8; 33];
        let tag = self
            .bare
            .encrypt_inout_detached(
                <&Nonce<_>>::from(&nonce),
                &self.aad,
                sealed.as_mut_slice().into(),
            )
            .map_err(failed)?;
        for _ in 0..ROUND {
            let mut buffer = black_box(sealed);
            self.bare
                .decrypt_inout_detached(
                    <&Nonce<_>>::from(&nonce),
                    black_box(&self.aad),
                    black_box(buffer.as_mut_slice()).into(),
                    &tag,
                )
                .map_err(failed)?;
            black_box(&buffer);
        }
        Ok(())
    }

    fn field(&self) -> Field<'_> {
        Field {
            column: &self.column,
            row: &self.row,
            value: self.value.lend(),
            pad: None,
        }
    }

    fn batched(&self) -> Result<(), Failure> {
        let grant = self.grant()?;
        let mut left = ROUND as usize;
        while left > 0 {
            let now = left.min(BATCH);
            let fields: Vec<_> = (0..now).map(|_| self.field()).collect();
            let mut sealed = Vec::new();
            grant
                .seal_columns(&fields, &mut sealed)
                .map_err(|error| Failure::of("sealing", &error))?;
            black_box(sealed);
            left -= now;
        }
        Ok(())
    }

    fn one_by_one(&self) -> Result<(), Failure> {
        let grant = self.grant()?;
        for _ in 0..ROUND {
            let mut out = Vec::new();
            grant
                .seal_column(&self.column, &self.row, &self.value, None, &mut out)
                .map_err(|error| Failure::of("sealing", &error))?;
            black_box(out);
        }
        Ok(())
    }

    fn sealed(&self) -> Result<Vec<u8>, Failure> {
        let mut sealed = Vec::new();
        self.grant()?
            .seal_columns(&[self.field()], &mut sealed)
            .map_err(|error| Failure::of("sealing", &error))?;
        Ok(sealed)
    }

    fn open(&self, sealed: &[u8]) -> Result<(), Failure> {
        for _ in 0..ROUND {
            let value = self
                .key
                .open_column(
                    &self.column,
                    &self.row,
                    Expected::of(Kind::Text),
                    black_box(sealed),
                )
                .map_err(|error| Failure::of("opening", &error))?;
            black_box(value);
        }
        Ok(())
    }
}
