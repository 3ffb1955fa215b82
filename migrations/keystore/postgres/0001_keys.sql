-- Keys of a Fieldseal deployment: wrapped data keys, their budgets, and what stored values
-- depend on. No key stands here in clear. See docs/FORMAT.md, sections 4 and 5.
--
-- Whoever can write to these tables can stop sealing and opening, but cannot plant a key: keys
-- prove themselves by their wraps and ids, and names and counts here are hints.
--
-- Names compare as bytes (COLLATE "C"), whatever the database's own collation says.

-- The deployment all keys belong to. One row, written once, never changed.
CREATE TABLE IF NOT EXISTS fieldseal_meta (
    id         BIGINT           NOT NULL PRIMARY KEY CHECK (id = 1),
    deployment TEXT COLLATE "C" NOT NULL
);

CREATE TABLE IF NOT EXISTS fieldseal_data_keys (
    -- Derived from the key itself for its domain and purpose; stands in every sealed value.
    key_id    BYTEA            NOT NULL PRIMARY KEY CHECK (length(key_id) = 16),
    domain    TEXT COLLATE "C" NOT NULL,
    -- seal, value or index
    purpose   TEXT COLLATE "C" NOT NULL,
    -- active, open_only or destroyed; never back to active
    state     TEXT COLLATE "C" NOT NULL CHECK (state IN ('active', 'open_only', 'destroyed')),
    -- 1 while active, else NULL. The unique index below allows any number of NULLs, so at most
    -- one key of a domain and purpose is active.
    slot      BIGINT                    CHECK (slot = 1),
    -- Seals reserved by all processes together: at least as many as were made. Only grows.
    reserved  BIGINT           NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    -- Seals the key was made for; 0 for an index key, which seals nothing.
    use_limit BIGINT           NOT NULL,
    CHECK ((state = 'active') = (slot IS NOT NULL)),
    UNIQUE (domain, purpose, slot)
);

-- A data key may be wrapped under several wrapping keys; any one of them opens it.
CREATE TABLE IF NOT EXISTS fieldseal_key_wraps (
    key_id       BYTEA            NOT NULL REFERENCES fieldseal_data_keys (key_id),
    -- local:<root id>, or the full ARN of a KMS key. Ignored unless the configuration names it.
    wrapping_key TEXT COLLATE "C" NOT NULL,
    wrapped      BYTEA            NOT NULL,
    PRIMARY KEY (key_id, wrapping_key)
);

-- How each blind index was defined when its first value was stored. A changed definition would
-- find nothing of what is stored, so it is refused.
CREATE TABLE IF NOT EXISTS fieldseal_indexes (
    table_id  TEXT COLLATE "C" NOT NULL,
    column_id TEXT COLLATE "C" NOT NULL,
    name      TEXT COLLATE "C" NOT NULL,
    line      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (table_id, column_id, name)
);

-- What else stored values depend on, line by line: ids, bind columns, kinds, domains, widths. A
-- configuration that says otherwise could not open them, so it is refused.
CREATE TABLE IF NOT EXISTS fieldseal_layout (
    table_id TEXT COLLATE "C" NOT NULL,
    item     TEXT COLLATE "C" NOT NULL,
    line     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (table_id, item)
);
