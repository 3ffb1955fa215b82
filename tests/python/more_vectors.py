"""More of Python's vectors: scripts, further forms, damage, places, free values."""

import base64
import struct

import fieldseal_reader as fs
from vector_file import hexed, seal_column
from vector_maker import DATA_KEY, INDEX_KEY, ROOT

SHUT = "does not open"

# The ends of what a kind can say.
ENDS = {
    "text-scripts": (
        "t",
        "Ἀθῆναι, Москва, القاهرة, ירושלים, "
        "दिल्ली, 서울, თბილისი, 𐐔𐐯𐑅𐐨𐑉𐐯𐐻".encode(),
    ),
    "text-nul": ("t", b"\0a\0\xef\xbb\xbf\xf4\x8f\xbf\xbf"),
    "integer-long": ("i", b"-1" + b"0" * 400 + b"7"),
    "decimal-small": ("d", b"-0." + b"0" * 60 + b"1"),
    "float-least": ("f", struct.pack(">d", -5e-324)),
    "date-last": ("D", b"9999-12-31"),
    "datetime-nanos": ("N", b"0001-01-01T00:00:00.000000001"),
    "timestamp-tenth": ("U", b"2000-02-29T23:59:59.1Z"),
    "time-least": ("T", b"-00:00:00.000000001"),
    "time-most": ("T", b"838:59:59.999999999"),
    "json-number": ("j", b"1.10e+2"),
}

# Forms near to canonical ones that are none.
ODD = {
    "integer-wide-digit": ("i", "\uff11".encode()),
    "integer-line-feed": ("i", b"1\n"),
    "decimal-zero-fraction": ("d", b"0.0"),
    "decimal-comma": ("d", b"1,5"),
    "float-less-infinity": ("f", struct.pack(">d", float("-inf"))),
    "float-binary32": ("f", struct.pack(">f", 0.5)),
    "date-year-five": ("D", b"10000-01-01"),
    "date-century": ("D", b"1900-02-29"),
    "datetime-ten-digits": ("N", b"1999-12-31T23:59:59.0000000001"),
    "timestamp-small-z": ("U", b"1999-12-31T23:59:59z"),
    "time-minute": ("T", b"12:60:00"),
    "text-beyond": ("t", b"\xf4\x90\x80\x80"),
    "uuid-long": ("u", bytes(17)),
}

# Row keys of every kind that a key may have, in the letters of the file.
KEYS = {
    "uuid": [("u", bytes(range(16)))],
    "moments": [("D", b"1970-01-01"), ("N", b"1970-01-01T00:00:00.5"),
                ("U", b"1970-01-01T00:00:00Z")],
    "decimal-text": [("d", b"-0.5"), ("t", "Größe".encode()), ("b", b"")],
}  # fmt: skip

# Where a sealed value was made for another place than the file says.
MOVED = {
    "domain": {"domain": "payment"},
    "table": {"table": "shop.customer"},
    "column": {"column": "Email"},
    "row": {"row_key": ["i 2d3432"]},
    "row-twice": {"row_key": ["i 3432", "t empty"]},
    "row-joined": {"row_key": []},
    "key": {"data_key": hexed(INDEX_KEY)},
}

FOLDED = {
    "greek": "ὈΔΥΣΣΕΎΣ ᾼ \u0345",
    "cyrillic": "ЁЖ \u0415\u0308",
    "armenian": "\u0587 ԵՒ",
    "georgian": "ᲗᲑᲘᲚᲘᲡᲘ Ⴀ",
    "cherokee": "Ꭰꭰ ᏸ",
    "devanagari": "\u0958 \u0915\u093c",
    "arabic": "ﷺ ﻼ \u0640",
    "hangul": "\u1112\u1161\u11ab \uff76\uff9e",
    "latin": "ẞ ﬆ Ⅻ ② \u212b İı",
    "astral": "\U00010414 \U0001d504 \U0001f468\u200d\U0001f469\ufe0f",
}


def places(make):
    for name, key in KEYS.items():
        rows = [f"{kind} {hexed(data)}" for kind, data in key]
        make.column(f"place-key-{name}", f"A row key: {name}.", "ok", "t", b"ada", row_key=rows)
    longest = "ж" * 127
    make.column("place-longest", "Ids of 254 bytes, not ASCII.", "ok", "t", b"ada", table=longest,
                column=longest)  # fmt: skip
    for name, told in MOVED.items():
        make.column(f"moved-{name}", f"Sealed elsewhere: {name}.", SHUT, "t", b"ada", **told,
                    sealed=sealed_here(make))  # fmt: skip


def sealed_here(make):
    """What `make.column` seals where nothing is told otherwise."""
    return seal_column({
        "data key": hexed(DATA_KEY),
        "domain": "contact",
        "table": "shop.customers",
        "column": "email",
        "row key": ["i 3432"],
        "kind": "t",
        "nonce": hexed(make.next_nonce()),
        "plaintext": hexed(b"ada"),
    }).hex()  # fmt: skip


def damage(make):
    """Cut short, drawn out, or marked otherwise than sealed."""
    number, whole = hexed(make.next_nonce()), bytes.fromhex(sealed_here(make))
    cases = {
        "header": (whole[:17], "not sealed"),
        "no-text": (whole[:29] + whole[-16:], "not sealed"),
        "no-tag": (whole[:-16], "not sealed"),
        "byte-less": (whole[:-1], SHUT),
        "byte-more": (whole + b"\0", SHUT),
        "twice": (whole * 2, SHUT),
        "format-three": (b"\x03" + whole[1:], "not sealed"),
        "base64": (base64.b64encode(whole), "not sealed"),
    }
    for name, (data, expect) in cases.items():
        make.column(f"damage-{name}", f"Damaged: {name}.", expect, "t", b"ada", nonce=number,
                    sealed=data.hex())  # fmt: skip


def padding(make):
    raw = {
        "two-marks": ("b", b"bada\x80\x80\0", "ok", b"ada\x80"),
        "odd-length": ("t", b"tada\x80\0\0", "ok", b"ada"),
        "mark-of-text": ("t", b"tada\x80\x80\0", SHUT, b""),
    }
    for name, (kind, padded, expect, plain) in raw.items():
        make.column(f"pad-raw-{name}", f"Padded by another hand: {name}.", expect, kind, plain,
                    raw=padded)  # fmt: skip
    make.column("pad-none", "Format 01 takes nothing off.", "ok", "b", b"ada\x80\0\0")


def free_values(make):
    most = [str(number).encode() for number in range(255)]
    cases = {
        "most-parts": (most, most, 1, b"", "ok"),
        "padded": ([b"queue"], [b"queue"], 2, b"\x80\0", "ok"),
        "turned": ([b"a", b"b"], [b"b", b"a"], 1, b"x", SHUT),
        "joined": ([b"a", b"b"], [b"ab"], 1, b"x", SHUT),
        "one-more": ([b"a"], [b"a", b""], 2, b"x", SHUT),
    }
    for name, (sealed_with, told, version, plain, expect) in cases.items():
        header = bytes([version]) + fs.key_id(DATA_KEY, "contact", "value")
        content = b"b" + plain
        padded = {"pad": "256"} if version == 2 else {}
        if padded:
            content = fs.pad_to(content, 256)
        key, aad = fs.aes_key(DATA_KEY, "contact", "value"), fs.value_aad(header, sealed_with)
        number = make.next_nonce()
        comes_out = {"plaintext": hexed(plain)} if expect == "ok" else {}
        make.add(f"free-{name}", f"A free value: {name}.", "open value", expect,
                 data_key=hexed(DATA_KEY), domain="contact", purpose="value",
                 part=[hexed(part) for part in told], kind="b", nonce=hexed(number), **padded,
                 **comes_out, sealed=fs.encrypt(key, header, number, aad, content).hex()
                 )  # fmt: skip


def indexes(make):
    definition = "t|nfkc_casefold/1"
    for script, text in FOLDED.items():
        plain = text.encode()
        place = ("contact", "shop.customers", "name", "folded", definition)
        made = fs.index(INDEX_KEY, *place, "t", plain, 16).hex()
        make.add(f"index-{script}", f"Case and composition: {script}.", "index", "ok",
                 data_key=hexed(INDEX_KEY), domain="contact", purpose="index",
                 table="shop.customers", column="name", index_name="folded",
                 definition=definition, bytes="16", kind="t", plaintext=hexed(plain), index=made
                 )  # fmt: skip


def wraps(make):
    place = {"deployment": "shop-eu", "domain": "contact", "purpose": "seal"}
    cases = {
        "byte-more": ({}, b"\0", "not a wrap"),
        "border": ({"deployment": "shop-euc", "domain": "ontact"}, b"", "does not unwrap"),
        "value": ({"purpose": "value"}, b"", "does not unwrap"),
    }
    for name, (told, behind, expect) in cases.items():
        wrapped = fs.wrap(ROOT, *place.values(), make.next_nonce(), DATA_KEY) + behind
        make.add(f"wrap-{name}", f"Local wrap: {name}.", "unwrap", expect, root_key=hexed(ROOT),
                 **{**place, **told}, data_key=hexed(DATA_KEY), wrapped=wrapped.hex()
                 )  # fmt: skip


def add_to(make):
    for name, (kind, data) in ENDS.items():
        make.column(f"end-{name}", f"The end of what can be said: {name}.", "ok", kind, data)
    for name, (kind, data) in ODD.items():
        make.column(f"odd-{name}", f"Not canonical: {name}.", SHUT, kind, data)
    for part in (places, damage, padding, free_values, indexes, wraps):
        part(make)
