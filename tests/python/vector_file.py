"""Vector files (docs/FORMAT.md, section 8): their text, and judging one."""

import hashlib

import fieldseal_reader as fs

CLASSES = {
    fs.NotSealed: "not sealed",
    fs.DoesNotOpen: "does not open",
    fs.NotAWrap: "not a wrap",
    fs.DoesNotUnwrap: "does not unwrap",
    fs.NoNormalForm: "no normal form",
}
MANY = ("row key", "part")


def hexed(data):
    return data.hex() or "empty"


def unhexed(text):
    return b"" if text == "empty" else bytes.fromhex(text)


def parse(text):
    """A dictionary of lines; those that may repeat are lists."""
    lines = [line.split(": ", 1) for line in text.splitlines()]
    if not lines or lines[0] != ["fieldseal vector", "1"]:
        raise ValueError("not a vector file")
    fields = {name: [] for name in MANY}
    for name, value in lines[1:]:
        if name in MANY:
            fields[name].append(value)
        elif name in fields:
            raise ValueError(f"`{name}` stands twice")
        else:
            fields[name] = value
    return fields


def row_of(fields):
    columns = []
    for line in fields["row key"]:
        words = line.split(" ")
        if words[0] == "arrived":
            _, kind, how, data = words
            columns.append((kind, fs.arrived(kind, how, unhexed(data))))
        else:
            kind, data = words
            columns.append((kind, unhexed(data)))
    return fs.row_key(columns)


def plaintext_of(fields):
    words = fields["plaintext"].split(" ")
    if words[0] == "repeat":
        return bytes.fromhex(words[1]) * int(words[2])
    return unhexed(fields["plaintext"])


def seal_column(fields):
    """The sealed bytes that the fields describe, nonce and all."""
    padded = "pad" in fields
    key, domain = unhexed(fields["data key"]), fields["domain"]
    header = bytes([2 if padded else 1]) + fs.key_id(key, domain, "seal")
    plaintext = fields.get("plaintext kind", fields["kind"]).encode() + plaintext_of(fields)
    if padded:
        plaintext = fs.pad_to(plaintext, int(fields["pad"]))
    aad = fs.column_aad(header, fields["table"], fields["column"], row_of(fields))
    return fs.encrypt(
        fs.aes_key(key, domain, "seal"), header, unhexed(fields["nonce"]), aad, plaintext
    )


def sealed_of(fields):
    words = fields["sealed"].split(" ")
    if words[0] != "sha-256":
        return unhexed(fields["sealed"])
    made = seal_column(fields)
    if hashlib.sha256(made).hexdigest() != words[1]:
        raise ValueError("sealing anew gives other bytes than the digest says")
    return made


def open_one(fields):
    key, domain, purpose = unhexed(fields["data key"]), fields["domain"], fields["purpose"]
    if fields["do"] == "open value":
        parts = [unhexed(part) for part in fields["part"]]
        return fs.open_value(key, domain, purpose, parts, sealed_of(fields))
    place = (fields["table"], fields["column"], row_of(fields))
    null = fields.get("seal null") == "yes"
    return fs.open_column(key, domain, purpose, *place, fields["kind"], null, sealed_of(fields))


def index_one(fields):
    return fs.index(
        unhexed(fields["data key"]),
        fields["domain"],
        fields["table"],
        fields["column"],
        fields["index name"],
        fields["definition"],
        fields.get("plaintext kind", fields["kind"]),
        plaintext_of(fields),
        int(fields["bytes"]),
    )


def outcome(fields):
    """What happens, in the words of `expect`, with `ok` only for exactly the right result."""
    try:
        if fields["do"] == "index":
            found = index_one(fields)
            if found is None:
                return "no index"
            return "ok" if found.hex() == fields.get("index") else f"index {found.hex()}"
        if fields["do"] == "unwrap":
            place = (fields["deployment"], fields["domain"], fields["purpose"])
            key = fs.unwrap(unhexed(fields["root key"]), *place, unhexed(fields["wrapped"]))
            return "ok" if key.hex() == fields.get("data key") else "another data key"
        if fields["do"] not in ("open column", "open value"):
            return f"cannot do `{fields['do']}`"
        kind, canonical = open_one(fields)
    except tuple(CLASSES) as error:
        return CLASSES[type(error)]
    if "plaintext" not in fields:
        return "opened"
    right = (fields.get("plaintext kind", fields["kind"]), plaintext_of(fields))
    return "ok" if (kind, canonical) == right else "another value"
