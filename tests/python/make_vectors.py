"""Makes Python's half of the vectors, the same bytes every time.

    python make_vectors.py [FOLDER]
"""

import struct
import sys
from pathlib import Path

import fieldseal_reader as fs
import more_vectors
from vector_file import hexed
from vector_maker import DATA_KEY, INDEX_KEY, ROOT, Maker

# One good value of each kind, and forms of it that are not canonical.
KINDS = {
    "t": ("text", "Ada Løvelåce 愛 🔑".encode(), [b"\xff", b"\xed\xa0\x80", b"\xc0\x80"]),
    "i": ("integer", b"-18446744073709551616", [b"", b"-", b"-0", b"007", b"+1", b"1.0", b"1 "]),
    "d": ("decimal", b"-9007199254740993.05", [b"1.50", b"-0", b".5", b"1.", b"01", b"1e3"]),
    "f": (
        "float",
        struct.pack(">d", 0.1),
        [struct.pack(">d", n) for n in (-0.0, float("inf"), float("nan"))] + [b"\0" * 4],
    ),
    "o": ("boolean", b"1", [b"2", b"true", b"", b"\x01"]),
    "b": ("bytes", bytes([0, 1, 0x80, 0xFF, 0, 0]), []),
    "u": ("uuid", bytes.fromhex("0123456789abcdef0123456789abcdef"), [b"\0" * 15, b"0" * 36]),
    "j": ("json", b'{ "b": 1.0, "a": "\xc3\xa9" }', [b'"\xff"']),
    "D": ("date", b"2024-02-29", [b"2023-02-29", b"0000-00-00", b"2024-2-9", b"20240229"]),
    "N": (
        "datetime",
        b"1999-12-31T23:59:59.000001",
        [b"1999-12-31T23:59:59.10", b"1999-12-31 23:59:59", b"1999-12-31T23:59:59Z",
         b"1999-12-31T24:00:00"],
    ),
    "U": (
        "timestamp",
        b"2038-01-19T03:14:07Z",
        [b"2038-01-19T03:14:07", b"2016-12-31T23:59:60Z", b"2038-01-19T03:14:07.0Z",
         b"2038-01-19T03:14:07+00:00"],
    ),
    "T": (
        "time",
        b"-838:59:59",
        [b"-00:00:00", b"839:00:00", b"1:00:00", b"012:00:00", b"12:00:00.500"],
    ),
}  # fmt: skip


def kinds(make):
    for kind, (word, good, bad) in KINDS.items():
        make.column(f"kind-{word}", f"A {word}.", "ok", kind, good)
        for number, form in enumerate(bad, 1):
            about = f"Form {number} of a {word} that is not canonical."
            make.column(f"form-{word}-{number}", about, "does not open", kind, form)
    make.column("kind-null", "A sealed NULL.", "ok", "t", b"", plaintext_kind="z", pad="16",
                seal_null="yes")  # fmt: skip
    make.column("form-null", "A NULL with a byte behind it.", "does not open", "t", b"x",
                plaintext_kind="z", pad="16", seal_null="yes")  # fmt: skip
    make.column("kind-unknown", "A kind byte that is no kind.", "does not open", "t", b"ada",
                plaintext_kind="x")  # fmt: skip


def anchor(make):
    make.column("anchor-column", "The anchor value of section 6.", "ok", "t", b"ada@example.org",
                nonce=bytes(range(12)).hex())  # fmt: skip


def padding(make):
    for pad in (2, 16, 4096):
        make.column(f"pad-{pad}", f"Padded to {pad}.", "ok", "t", b"ada", pad=str(pad))
    make.column("pad-exact", "The mark is the last byte of the step.", "ok", "t", b"a" * 14,
                pad="16")  # fmt: skip
    make.column("pad-mark-inside", "A value that ends like padding.", "ok", "b",
                b"\x80\0\x80\0\0", pad="16")  # fmt: skip
    bad = {
        "no-mark": ("Zeros without the mark.", b"tada" + bytes(12)),
        "other-mark": ("Another byte instead of the mark.", b"tada\x01" + bytes(11)),
        "no-kind": ("The mark with nothing before it.", b"\x80" + bytes(15)),
        "zeros": ("Nothing but zeros.", bytes(16)),
    }
    for name, (about, raw) in bad.items():
        make.column(f"pad-bad-{name}", about, "does not open", "t", b"", raw=raw)


def free_values(make):
    for name, kind, expect in (("ok", b"b", "ok"), ("kind", b"t", "does not open")):
        header = b"\x01" + fs.key_id(DATA_KEY, "contact", "value")
        parts, plain = [b"cache", b"", b"42"], b"\0session\xff"
        key, aad = fs.aes_key(DATA_KEY, "contact", "value"), fs.value_aad(header, parts)
        fields = {"kind": "b", "plaintext": hexed(plain)} if expect == "ok" else {}
        make.add(f"free-{name}", f"A free value of kind {kind.decode()}.", "open value", expect,
                 data_key=hexed(DATA_KEY), domain="contact", purpose="value",
                 part=[hexed(part) for part in parts], nonce=hexed(make.next_nonce()),
                 sealed=fs.encrypt(key, header, make.next_nonce(), aad, kind + plain).hex(),
                 **fields)  # fmt: skip


def indexes(make):
    cases = {
        "anchor": ("t", b"ada@example.org", "t|trim/1|nfkc_casefold/1", 16, "ok"),
        "folded": ("t", " ＡDA\u00ad@Straße.ＯRG\u3000".encode(), "t|trim/1|nfkc_casefold/1", 32,
                   "ok"),
        "order": ("t", "\u200b ada \u200b".encode(), "t|nfkc_casefold/1|trim/1", 8, "ok"),
        "integer": ("i", b"42", "i", 16, "ok"),
        "empty": ("t", " \u2003 ".encode(), "t|trim/1", 16, "no index"),
        "unassigned": ("t", "ada\u0378".encode(), "t|nfkc_casefold/1", 16, "no normal form"),
    }  # fmt: skip
    for name, (kind, plain, definition, length, expect) in cases.items():
        made = {}
        place = ("contact", "shop.customers", "email", "exact")
        if expect == "ok":
            made["index"] = fs.index(INDEX_KEY, *place, definition, kind, plain, length).hex()
        make.add(f"index-{name}", f"Blind index: {name}.", "index", expect,
                 data_key=hexed(INDEX_KEY), domain="contact", purpose="index",
                 table="shop.customers", column="email", index_name="exact",
                 definition=definition, bytes=str(length), kind=kind, plaintext=hexed(plain),
                 **made)  # fmt: skip


def wraps(make):
    cases = {
        "ok": ({}, "ok"),
        "deployment": ({"deployment": "shop-us"}, "does not unwrap"),
        "domain": ({"domain": "payment"}, "does not unwrap"),
    }
    for name, (changed, expect) in cases.items():
        place = {"deployment": "shop-eu", "domain": "contact", "purpose": "seal"}
        wrapped = fs.wrap(ROOT, *place.values(), make.next_nonce(), DATA_KEY)
        make.add(f"wrap-{name}", f"Local wrap: {name}.", "unwrap", expect, root_key=hexed(ROOT),
                 **{**place, **changed}, data_key=hexed(DATA_KEY), wrapped=wrapped.hex()
                 )  # fmt: skip


def crossed(make):
    """Only another program seals like this: everything fits but what the key is for."""
    for purpose, operation in (("value", "open column"), ("seal", "open value")):
        header = b"\x01" + fs.key_id(DATA_KEY, "contact", purpose)
        if operation == "open column":
            place = {"table": "shop.customers", "column": "email", "row_key": ["i 3432"]}
            aad = fs.column_aad(header, "shop.customers", "email", fs.row_key([("i", b"42")]))
        else:
            place = {"part": [b"cache".hex(), b"42".hex()]}
            aad = fs.value_aad(header, [b"cache", b"42"])
        key, number = fs.aes_key(DATA_KEY, "contact", purpose), make.next_nonce()
        make.add(f"crossed-{purpose}", f"Sealed to fit, with a key of purpose {purpose}.",
                 operation, "does not open", data_key=hexed(DATA_KEY), domain="contact",
                 purpose=purpose, **place, kind="b", nonce=hexed(number),
                 sealed=fs.encrypt(key, header, number, aad, b"bada").hex())  # fmt: skip
    header, number = b"\x01" + fs.key_id(DATA_KEY, "payment", "seal"), make.next_nonce()
    aad = fs.column_aad(header, "shop.customers", "email", fs.row_key([("i", b"42")]))
    key = fs.aes_key(DATA_KEY, "contact", "seal")
    make.add("crossed-id", "Sealed to fit, but under the id of another key.", "open column",
             "does not open", data_key=hexed(DATA_KEY), domain="contact", purpose="seal",
             table="shop.customers", column="email", row_key=["i 3432"], kind="t",
             nonce=hexed(number), sealed=fs.encrypt(key, header, number, aad, b"tada").hex()
             )  # fmt: skip


def make_all():
    make = Maker()
    for part in (anchor, kinds, padding, free_values, indexes, wraps, crossed):
        part(make)
    # Behind all others: a file's nonce is its number.
    more_vectors.add_to(make)
    return {f"{name}.txt": text for name, text in make.files.items()}


def differences(folder):
    """The files of this half that are missing, changed, or no longer made."""
    made = make_all()
    wrong = []
    for name, text in made.items():
        file = folder / name
        if not file.exists() or file.read_bytes() != text.encode():
            wrong.append(f"{name}: not what make_vectors.py makes")
    for file in sorted(folder.glob("*.txt")):
        if "\nmade by: python\n" in file.read_text(encoding="utf-8") and file.name not in made:
            wrong.append(f"{file.name}: says that it was made here, but is not")
    return wrong


def main():
    here = Path(__file__).resolve().parent
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else here.parent / "vectors"
    for name, text in make_all().items():
        (folder / name).write_bytes(text.encode())


if __name__ == "__main__":
    main()
