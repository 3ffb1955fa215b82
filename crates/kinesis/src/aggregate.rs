//! Records that the Kinesis Producer Library has put together into one ("KPL Aggregated Record
//! Format", amazon-kinesis-producer). Owns taking them apart.
//!
//! All user records of one Kinesis record have its sequence number, and a checkpoint is a
//! sequence number. So they stay one record, their objects joined: they are applied together or
//! not at all. One that is broken is held alone, since it is known where it ends, and so is one
//! that the target refuses, since the others are tried without it.
//!
//! The Kinesis Client Library drops a user record whose hash key is outside the shard's range:
//! after a reshard the producer library finds it in the wrong shard and sends it again to the
//! right one. Here nothing is dropped. A change that comes twice does nothing the second time, in
//! whatever order, since versions order changes and arrival does not; whereas a producer that
//! aggregates without sending again would lose what is dropped.

use fieldseal_dms::{AGGREGATED, SEPARATOR};
use fieldseal_model::Plaintext;
use md5::{Digest as _, Md5};
use zeroize::Zeroizing;

use crate::protobuf::{Field, Fields};

const CHECKSUM: usize = 16;

/// `AggregatedRecord.records` and `Record.data`.
const RECORDS: u64 = 3;
const DATA: u64 = 3;

/// The objects of an aggregated record, a separator before each; any other record as it is, also one
/// that only begins like an aggregated one or whose checksum is wrong: the decoder knows it by its
/// first bytes and refuses it with a reason of its own.
pub(crate) fn joined(data: Plaintext) -> Plaintext {
    let apart = message(data.expose()).and_then(user_records);
    match apart {
        Some(records) => join(&records),
        None => data,
    }
}

fn message(bytes: &[u8]) -> Option<&[u8]> {
    let body = bytes.strip_prefix(&AGGREGATED)?;
    let (message, checksum) = body.split_at_checked(body.len().checked_sub(CHECKSUM)?)?;
    (Md5::digest(message).as_slice() == checksum).then_some(message)
}

/// At least one; `None` if anything of the message cannot be read.
fn user_records(message: &[u8]) -> Option<Vec<&[u8]>> {
    let mut records = Vec::new();
    for field in Fields::of(message) {
        match field? {
            (RECORDS, Field::Bytes(record)) => records.push(data(record)?),
            (RECORDS, _) => return None,
            // The tables of partition keys and hash keys, and what may be added.
            _ => {}
        }
    }
    (!records.is_empty()).then_some(records)
}

fn data(record: &[u8]) -> Option<&[u8]> {
    let mut data = None;
    for field in Fields::of(record) {
        match field? {
            (DATA, Field::Bytes(bytes)) => data = Some(bytes),
            (DATA, _) => return None,
            _ => {}
        }
    }
    data
}

fn join(records: &[&[u8]]) -> Plaintext {
    let length = records.iter().map(|record| record.len() + 1).sum();
    let mut joined = Zeroizing::new(Vec::with_capacity(length));
    // No JSON has the separator in it. What has may be broken by the text of a cell, which must
    // not say where a record begins.
    let is_clear = records.iter().all(|record| !record.contains(&SEPARATOR));
    for record in records {
        joined.push(if is_clear { SEPARATOR } else { b'\n' });
        joined.extend_from_slice(record);
    }
    Plaintext::new(std::mem::take(&mut *joined))
}

#[cfg(test)]
mod tests {
    use fieldseal_model::Plaintext;
    use md5::{Digest as _, Md5};

    use super::{AGGREGATED, joined};

    fn bytes_field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut field = vec![number << 3 | 2];
        let length = u16::try_from(bytes.len()).unwrap().to_le_bytes();
        // Two groups of seven bits, also where one would do.
        field.push(length[0] | 0x80);
        field.push(length[1] << 1 | length[0] >> 7);
        field.extend_from_slice(bytes);
        field
    }

    fn message(records: &[&str]) -> Vec<u8> {
        let mut message = bytes_field(1, b"the key, in clear");
        message.extend(bytes_field(2, b"340282366920938463463374607431768211455"));
        for record in records {
            let parts = [vec![0x08, 0, 0x10, 0], bytes_field(3, record.as_bytes())];
            message.extend(bytes_field(3, &parts.concat()));
        }
        message
    }

    fn aggregated(message: &[u8]) -> Vec<u8> {
        [&AGGREGATED, message, &Md5::digest(message)[..]].concat()
    }

    fn result(bytes: &[u8]) -> Vec<u8> {
        joined(Plaintext::new(bytes.to_vec())).expose().to_vec()
    }

    #[test]
    fn objects_are_joined_in_order() {
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(300));
        let bytes = aggregated(&message(&["{\"n\":1}", &long, "{\"n\":3}"]));
        let expected = format!("\x1e{{\"n\":1}}\x1e{long}\x1e{{\"n\":3}}");
        assert_eq!(result(&bytes), expected.as_bytes());
    }

    #[test]
    fn a_separator_within_a_record_is_none() {
        let bytes = aggregated(&message(&["{\"n\":\"\x1e{}", "{\"n\":2}"]));
        assert_eq!(result(&bytes), b"\n{\"n\":\"\x1e{}\n{\"n\":2}");
    }

    #[test]
    fn what_is_not_aggregated_stays_as_it_is() {
        let mut wrong = aggregated(&message(&["{\"n\":1}"]));
        *wrong.last_mut().unwrap() ^= 1;
        for bytes in [
            b"{\"n\":1}".to_vec(),
            AGGREGATED.to_vec(),
            wrong,
            aggregated(&[]),
            aggregated(&message(&[])),
            // Broken behind the first record, yet with the right checksum.
            aggregated(&[message(&["{\"n\":1}"]), vec![0x1a, 0x70, 1]].concat()),
            // A record without data.
            aggregated(&bytes_field(3, &[0x08, 0])),
        ] {
            assert_eq!(result(&bytes), bytes);
        }
    }
}
