"""What Python's vectors are made with: the keys, and a file for each case with its nonce."""

import struct

import fieldseal_reader as fs
from vector_file import hexed, seal_column

DATA_KEY = bytes(range(0x00, 0x20))
INDEX_KEY = bytes(range(0x20, 0x40))
ROOT = bytes(range(0x60, 0x80))
FIRST = "fieldseal vector: 1"


def nonce(number):
    return struct.pack(">Q", 0x7079) + struct.pack(">I", number)


class Maker:
    """Collects files; each gets a nonce of its own."""

    def __init__(self):
        self.files = {}

    def next_nonce(self):
        return nonce(len(self.files))

    def add(self, name, about, do, expect, **fields):
        """Adds one file; underscores in field names stand for spaces."""
        assert name not in self.files, name
        lines = [FIRST, f"about: {about}", "made by: python", f"do: {do}", f"expect: {expect}"]
        for field, value in fields.items():
            for one in value if isinstance(value, list) else [value]:
                lines.append(f"{field.replace('_', ' ')}: {one}")
        self.files[name] = "\n".join(lines) + "\n"

    def column(self, name, about, expect, kind, plaintext, *, raw=None, **more):
        """A column's value sealed as it should be, unless `more` says what is sealed; `raw` takes
        the place of the padded plaintext."""
        fields = {
            "data_key": hexed(DATA_KEY),
            "domain": "contact",
            "purpose": "seal",
            "table": "shop.customers",
            "column": "email",
            "row_key": ["i 3432"],
            "kind": kind,
            "nonce": hexed(self.next_nonce()),
            "plaintext": hexed(plaintext),
            **more,
        }
        spaced = {field.replace("_", " "): value for field, value in fields.items()}
        if raw is None:
            fields.setdefault("sealed", seal_column(spaced).hex())
        else:
            header = b"\x02" + fs.key_id(DATA_KEY, "contact", "seal")
            aad = fs.column_aad(header, "shop.customers", "email", fs.row_key([("i", b"42")]))
            key = fs.aes_key(DATA_KEY, "contact", "seal")
            fields["sealed"] = fs.encrypt(key, header, self.next_nonce(), aad, raw).hex()
        if expect != "ok":
            del fields["plaintext"]
        self.add(name, about, "open column", expect, **fields)
