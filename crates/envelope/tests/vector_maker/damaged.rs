//! Sealed bytes with a bit flipped in every region, and cut at every border.

use super::columns::email;
use super::draft::{Draft, hexed};
use super::{DOES_NOT_OPEN, NOT_SEALED};

pub(super) fn damaged() -> Vec<Draft> {
    let (good, sealed) = email("good", 1, None);
    let (padded, padded_sealed) = email("padded", 3, Some(32));
    let flip = |draft: &Draft, sealed: &[u8], name: &str, at: usize, bit: u8, expect: &str| {
        let mut changed = sealed.to_vec();
        changed[at] ^= bit;
        let about = format!("Byte {at} changed by {bit:02x}.");
        let draft = draft.failing(&format!("flip-{name}"), &about, expect);
        draft.with("sealed", hex::encode(changed))
    };
    let last = sealed.len() - 1;
    let mut drafts: Vec<Draft> = [
        ("format-unknown", 0, 0x02, NOT_SEALED),
        ("format-zero", 0, 0x01, NOT_SEALED),
        ("format-high", 0, 0x80, NOT_SEALED),
        ("format-padded", 0, 0x03, DOES_NOT_OPEN),
        ("key-id-first", 1, 0x01, DOES_NOT_OPEN),
        ("key-id-last", 16, 0x80, DOES_NOT_OPEN),
        ("nonce-first", 17, 0x01, DOES_NOT_OPEN),
        ("nonce-last", 28, 0x80, DOES_NOT_OPEN),
        ("kind", 29, 0x01, DOES_NOT_OPEN),
        ("text", 30, 0x20, DOES_NOT_OPEN),
        ("text-last", last - 16, 0x01, DOES_NOT_OPEN),
        ("tag-first", last - 15, 0x80, DOES_NOT_OPEN),
        ("tag-last", last, 0x01, DOES_NOT_OPEN),
    ]
    .into_iter()
    .map(|(name, at, bit, expect)| flip(&good, &sealed, name, at, bit, expect))
    .collect();
    let padding = padded_sealed.len() - 17;
    let pad = flip(
        &padded,
        &padded_sealed,
        "padding",
        padding,
        0x01,
        DOES_NOT_OPEN,
    );
    let plain = flip(
        &padded,
        &padded_sealed,
        "format-plain",
        0,
        0x03,
        DOES_NOT_OPEN,
    );
    drafts.extend([pad, plain, padded.clone()]);

    let cut = |draft: &Draft, name: String, bytes: &[u8], expect| {
        let about = format!("{} bytes of it.", bytes.len());
        draft
            .failing(&name, &about, expect)
            .with("sealed", hexed(bytes))
    };
    for length in [0, 1, 16, 17, 28, 29, 30, 45] {
        let name = format!("cut-{length}");
        drafts.push(cut(&good, name, &sealed[..length], NOT_SEALED));
    }
    for length in [46, last - 8, last] {
        let name = format!("cut-{length}");
        drafts.push(cut(&good, name, &sealed[..length], DOES_NOT_OPEN));
    }
    let shortest = padded_sealed[..46].to_vec();
    drafts.push(cut(
        &padded,
        "cut-padded-46".to_owned(),
        &shortest,
        NOT_SEALED,
    ));
    let shortest = padded_sealed[..47].to_vec();
    drafts.push(cut(
        &padded,
        "cut-padded-47".to_owned(),
        &shortest,
        DOES_NOT_OPEN,
    ));
    let longer = [sealed.as_slice(), &[0]].concat();
    drafts.push(cut(
        &good,
        "cut-not-but-longer".to_owned(),
        &longer,
        DOES_NOT_OPEN,
    ));
    drafts
}
