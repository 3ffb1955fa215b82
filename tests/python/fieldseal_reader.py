"""An independent reader and writer of Fieldseal's formats, written from docs/FORMAT.md alone.

It shares no code with the Rust crates and exists to disagree with them when one of the two is
wrong. It is no library for production: the writer takes a nonce, because it makes known answers.
"""

import hashlib
import hmac
import math
import re
import struct
import unicodedata
from datetime import date

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAX_VALUE = 16 << 20


class NotSealed(Exception):
    """Too short, or of no known format."""


class DoesNotOpen(Exception):
    """Anything else that keeps a sealed value shut."""


class NotAWrap(Exception):
    """Not 77 bytes, or of no known version."""


class DoesNotUnwrap(Exception):
    """Anything else that keeps a wrap shut."""


class NoNormalForm(Exception):
    """A normaliser refuses the text."""


# Section 1: sealed values


def pad_to(plaintext, pad):
    padded = plaintext + b"\x80"
    return padded + bytes(-len(padded) % pad)


def unpad(plaintext):
    content = plaintext.rstrip(b"\0")
    if len(content) < 2 or content[-1] != 0x80:
        raise DoesNotOpen("padding")
    return content[:-1]


def encrypt(key, header, nonce, aad, plaintext):
    return header + nonce + AESGCM(key).encrypt(nonce, plaintext, aad)


def header_of(sealed):
    """Format byte and key id, after the checks that come first."""
    if len(sealed) < 46 or sealed[0] not in (1, 2) or (sealed[0] == 2 and len(sealed) < 47):
        raise NotSealed
    return sealed[:17]


def decrypt(data_key, domain, purpose, aad_of_header, sealed):
    """Kind byte and canonical bytes, both still to be judged."""
    header = header_of(sealed)
    if header[1:] != key_id(data_key, domain, purpose):
        raise DoesNotOpen("key id")
    key = aes_key(data_key, domain, purpose)
    try:
        plaintext = AESGCM(key).decrypt(sealed[17:29], sealed[29:], aad_of_header(header))
    except InvalidTag:
        raise DoesNotOpen("tag") from None
    if header[0] == 2:
        plaintext = unpad(plaintext)
    if len(plaintext) - 1 > MAX_VALUE:
        raise DoesNotOpen("too long")
    return chr(plaintext[0]), plaintext[1:]


def open_column(data_key, domain, purpose, table, column, row, kind, seal_null, sealed):
    header_of(sealed)
    if purpose != "seal":
        raise DoesNotOpen("purpose")

    def aad(header):
        return column_aad(header, table, column, row)

    found, canonical = decrypt(data_key, domain, purpose, aad, sealed)
    if not (found == kind or (found == "z" and seal_null)) or not is_canonical(found, canonical):
        raise DoesNotOpen("kind or form")
    return found, canonical


def open_value(data_key, domain, purpose, parts, sealed):
    header_of(sealed)
    if purpose != "value":
        raise DoesNotOpen("purpose")
    found, canonical = decrypt(data_key, domain, purpose, lambda h: value_aad(h, parts), sealed)
    if found != "b":
        raise DoesNotOpen("kind")
    return found, canonical


# Section 2: AAD and row keys


def lp(data):
    return struct.pack(">I", len(data)) + data


def column_aad(header, table, column, row):
    return lp(b"fieldseal/1 column") + header + lp(table.encode()) + lp(column.encode()) + row


def value_aad(header, parts):
    return lp(b"fieldseal/1 value") + header + bytes([len(parts)]) + b"".join(map(lp, parts))


def row_key(columns):
    """Columns are pairs of kind letter and canonical bytes, in policy order."""
    return bytes([len(columns)]) + b"".join(k.encode() + lp(c) for k, c in columns)


def arrived(kind, how, data):
    """Canonical bytes of a key column from the bytes and the way it arrived."""
    if kind == "i" and how in ("number", "text"):
        return str(int(data.decode("ascii"))).encode()
    if kind in ("b", "u") and how.startswith("width="):
        return data.ljust(int(how.removeprefix("width=")), b"\0")
    if kind == "t" and how == "char":
        return data.rstrip(b" ")
    raise ValueError(f"no rule for a key of kind {kind} that arrived as {how}")


# Section 3: kinds and canonical bytes

DATE = r"(\d{4})-(\d\d)-(\d\d)"
CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d"
FRACTION = r"(?:\.\d{0,8}[1-9])?"
FORMS = {
    "z": "",
    "i": r"0|-?[1-9]\d*",
    "d": r"(?!-0\Z)-?(?:0|[1-9]\d*)(?:\.\d*[1-9])?",
    "o": "[01]",
    "D": DATE,
    "N": f"{DATE}T{CLOCK}{FRACTION}",
    "U": f"{DATE}T{CLOCK}{FRACTION}Z",
    "T": rf"(?!-[0:.]*\Z)-?(?:\d\d|[1-7]\d\d|8[0-2]\d|83[0-8]):[0-5]\d:[0-5]\d{FRACTION}",
}


def is_canonical(kind, data):
    if kind == "b":
        return True
    if kind == "u":
        return len(data) == 16
    if kind == "f":
        return (
            len(data) == 8
            and math.isfinite(struct.unpack(">d", data)[0])
            and data != struct.pack(">d", -0.0)
        )
    if kind not in FORMS and kind not in ("t", "j"):
        return False
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    if kind in ("t", "j"):
        return True
    match = re.fullmatch(FORMS[kind], text, re.ASCII)
    if match and kind in "DNU":
        try:
            date(*map(int, match.groups()[:3]))
        except ValueError:
            return False
    return match is not None


# Section 4: keys and blind indexes


def hkdf(key, info, length):
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(key)


def context(domain, purpose):
    return lp(domain.encode()) + lp(purpose.encode())


def aes_key(data_key, domain, purpose):
    return hkdf(data_key, b"fieldseal/1 key" + context(domain, purpose), 32)


def key_id(data_key, domain, purpose):
    return hkdf(data_key, b"fieldseal/1 id" + context(domain, purpose), 16)


# Unicode's White_Space and Default_Ignorable_Code_Point, which Python does not know by name.
WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
IGNORABLE = [
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5),
    (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164),
    (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
]  # fmt: skip


def nfkc_cf(char):
    """NFKC_Casefold of one character. Python's own Unicode version is older or newer than the
    pinned one, so the vectors keep to characters on which all versions agree."""
    if unicodedata.category(char) == "Cn":
        raise NoNormalForm
    now = char
    while True:
        folded = unicodedata.normalize("NFKC", now).casefold()
        kept = "".join(c for c in folded if not any(a <= ord(c) <= b for a, b in IGNORABLE))
        if kept == now:
            return now
        now = kept


NORMALISERS = {
    "trim/1": lambda text: text.strip(WHITE_SPACE),
    "nfkc_casefold/1": lambda text: unicodedata.normalize("NFC", "".join(map(nfkc_cf, text))),
    "digits/1": lambda text: "".join(c for c in text if c in "0123456789"),
}


def index(data_key, domain, table, column, name, definition, kind, canonical, length):
    """The blind index, or None where NULL is stored."""
    if kind == "z":
        return None
    names = definition.split("|")
    assert names[0] == kind and (kind == "t" or len(names) == 1), "kind and definition"
    for normaliser in names[1:]:
        canonical = NORMALISERS[normaliser](canonical.decode("utf-8")).encode("utf-8")
    if not canonical:
        return None
    place = lp(table.encode()) + lp(column.encode()) + lp(name.encode()) + lp(definition.encode())
    key = hkdf(data_key, b"fieldseal/1 index" + context(domain, "index") + place, 32)
    return hmac.new(key, b"\x01" + kind.encode() + canonical, hashlib.sha256).digest()[:length]


# Section 5: local wraps


def root_id(root):
    return hkdf(root, b"fieldseal/1 root-id", 16)


def wrap_aad(root, deployment, domain, purpose):
    place = lp(deployment.encode()) + context(domain, purpose)
    return lp(b"fieldseal/1 wrap") + b"\x01" + root_id(root) + place


def wrap(root, deployment, domain, purpose, nonce, data_key):
    key = hkdf(root, b"fieldseal/1 wrap", 32)
    aad = wrap_aad(root, deployment, domain, purpose)
    return b"\x01" + root_id(root) + nonce + AESGCM(key).encrypt(nonce, data_key, aad)


def unwrap(root, deployment, domain, purpose, wrapped):
    if len(wrapped) != 77 or wrapped[0] != 1:
        raise NotAWrap
    if wrapped[1:17] != root_id(root):
        raise DoesNotUnwrap("root id")
    key = hkdf(root, b"fieldseal/1 wrap", 32)
    try:
        aad = wrap_aad(root, deployment, domain, purpose)
        return AESGCM(key).decrypt(wrapped[17:29], wrapped[29:], aad)
    except InvalidTag:
        raise DoesNotUnwrap("tag") from None
