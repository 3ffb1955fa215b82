-- Keys of a Fieldseal deployment: wrapped data keys, their budgets, and what stored values
-- depend on. No key stands here in clear. See docs/FORMAT.md, sections 4 and 5.
--
-- Whoever can write to these tables can stop sealing and opening, but cannot plant a key: keys
-- prove themselves by their wraps and ids, and names and counts here are hints.
--
-- Names are VARBINARY: the character collations of MySQL and MariaDB ignore trailing spaces or
-- case, and two names that differ must be two names. The engine is named because a server may
-- default to one without transactions.

-- The deployment all keys belong to. One row, written once, never changed.
CREATE TABLE IF NOT EXISTS fieldseal_meta (
    id         BIGINT         NOT NULL PRIMARY KEY CHECK (id = 1),
    deployment VARBINARY(255) NOT NULL
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS fieldseal_data_keys (
    -- Derived from the key itself for its domain and purpose; stands in every sealed value.
    key_id    VARBINARY(16) NOT NULL PRIMARY KEY CHECK (LENGTH(key_id) = 16),
    domain    VARBINARY(63) NOT NULL,
    -- seal, value or index
    purpose   VARBINARY(16) NOT NULL,
    -- active, open_only or destroyed; never back to active
    state     VARBINARY(16) NOT NULL CHECK (state IN ('active', 'open_only', 'destroyed')),
    -- 1 while active, else NULL. The unique index below allows any number of NULLs, so at most
    -- one key of a domain and purpose is active.
    slot      BIGINT                 CHECK (slot = 1),
    -- Seals reserved by all processes together: at least as many as were made. Only grows.
    reserved  BIGINT        NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    -- Seals the key was made for; 0 for an index key, which seals nothing.
    use_limit BIGINT        NOT NULL,
    CHECK ((state = 'active') = (slot IS NOT NULL)),
    UNIQUE KEY one_active (domain, purpose, slot)
) ENGINE = InnoDB;

-- A data key may be wrapped under several wrapping keys; any one of them opens it.
CREATE TABLE IF NOT EXISTS fieldseal_key_wraps (
    key_id       VARBINARY(16)   NOT NULL,
    -- local:<root id>, or the full ARN of a KMS key. Ignored unless the configuration names it.
    wrapping_key VARBINARY(255)  NOT NULL,
    -- A KMS ciphertext of a data key is a few hundred bytes, 6,144 at most.
    wrapped      VARBINARY(8192) NOT NULL,
    PRIMARY KEY (key_id, wrapping_key),
    FOREIGN KEY (key_id) REFERENCES fieldseal_data_keys (key_id)
) ENGINE = InnoDB;

-- How each blind index was defined when its first value was stored. A changed definition would
-- find nothing of what is stored, so it is refused.
CREATE TABLE IF NOT EXISTS fieldseal_indexes (
    table_id  VARBINARY(255) NOT NULL,
    column_id VARBINARY(255) NOT NULL,
    name      VARBINARY(255) NOT NULL,
    line      BLOB           NOT NULL,
    PRIMARY KEY (table_id, column_id, name)
) ENGINE = InnoDB;

-- What else stored values depend on, line by line: ids, bind columns, kinds, domains, widths. A
-- configuration that says otherwise could not open them, so it is refused.
CREATE TABLE IF NOT EXISTS fieldseal_layout (
    table_id VARBINARY(255) NOT NULL,
    item     VARBINARY(300) NOT NULL,
    line     BLOB           NOT NULL,
    PRIMARY KEY (table_id, item)
) ENGINE = InnoDB;
