-- What Fieldseal keeps beside the sealed rows: order, checkpoints, counters, quarantine.
-- PostgreSQL. Released migrations are never changed; a later one changes what they made.
--
-- Version columns hold 16 bytes, big-endian: epoch u32, source position u64, sub u32
-- (docs/ORDERING.md). Positions are decimal text, since they use all 64 bits. Places in a shard
-- are decimal text, since a Kinesis sequence number has up to 128 digits.

-- One lineage of source positions each: a new one after a restore, a failover, a RESET.
-- Written by `fieldseal migrate` (the first) and `fieldseal epoch begin`.
CREATE TABLE IF NOT EXISTS fieldseal_epochs (
    epoch BIGINT NOT NULL PRIMARY KEY
);

-- One row for each table of the policy. It is also the table's lock: every apply transaction
-- locks the rows of its tables first (shared; exclusive if anything deletes), so that a delete
-- and a late row of the same key cannot pass each other.
CREATE TABLE IF NOT EXISTS fieldseal_tables (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The logical id, permanent.
    table_id TEXT COLLATE "C" NOT NULL UNIQUE,
    -- Below it the table accepts nothing any more; it never falls.
    floor BYTEA NOT NULL,
    -- Grows with every mark, floor or taint; a batch planned under another one is planned again.
    revision BIGINT NOT NULL,
    -- Why the table's order can no longer be trusted; NULL while it can.
    taint TEXT
);

-- Full loads. Written by `fieldseal generation begin` and `complete`.
CREATE TABLE IF NOT EXISTS fieldseal_generations (
    generation BIGINT NOT NULL PRIMARY KEY,
    table_id TEXT COLLATE "C" NOT NULL,
    -- The epoch it began in.
    epoch BIGINT NOT NULL,
    -- L: the source position when it began.
    position TEXT NOT NULL,
    -- `stopped`: the old task had ended; `unbroken`: capture went on.
    capture TEXT NOT NULL,
    -- When DMS was told to start, ISO-8601 UTC; NULL for a first load that nobody registered.
    started TEXT,
    -- The stamp of the drop-table record that opened the load; another one taints the table.
    load_stamp TEXT,
    -- `open`, `complete` (floor raised) or `swept` (rows below it are gone).
    state TEXT NOT NULL
);

-- Where a label begins or ends in a shard. A shard without a mark inherits the label from its
-- start; NULL: nowhere in this shard, which was closed when the mark was made.
CREATE TABLE IF NOT EXISTS fieldseal_marks (
    -- `epoch`, `begin` (of a generation) or `end` (of a generation).
    kind TEXT NOT NULL,
    number BIGINT NOT NULL,
    shard TEXT COLLATE "C" NOT NULL,
    sequence TEXT COLLATE "C",
    PRIMARY KEY (kind, number, shard)
);

-- Checkpoints. Moved only by the transaction that applies what lies before them.
CREATE TABLE IF NOT EXISTS fieldseal_shards (
    shard TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- Raised by whoever takes the shard over; a commit under an older one fails.
    fence BIGINT NOT NULL,
    sequence TEXT COLLATE "C" NOT NULL,
    -- The highest source position seen in the present epoch.
    high TEXT,
    closed BIGINT NOT NULL,
    -- When the source last said that there was nothing behind `sequence`, in seconds since 1970 by
    -- this server's clock; NULL if never. Noted now and then, for sources that drop records for their age.
    end_seen BIGINT
);

-- Outcomes by shard and table. By shard, since only its owner writes them: no two transactions
-- ever wait for one counter. The empty table id counts records of no table of the policy.
CREATE TABLE IF NOT EXISTS fieldseal_counters (
    shard TEXT COLLATE "C" NOT NULL,
    table_id TEXT COLLATE "C" NOT NULL,
    -- Changes that took effect.
    loads BIGINT NOT NULL,
    inserts BIGINT NOT NULL,
    updates BIGINT NOT NULL,
    deletes BIGINT NOT NULL,
    -- Changes that were older than, or the same as, what was there.
    skipped BIGINT NOT NULL,
    quarantined BIGINT NOT NULL,
    controls BIGINT NOT NULL,
    ignored BIGINT NOT NULL,
    unlisted_columns BIGINT NOT NULL,
    PRIMARY KEY (shard, table_id)
);

-- The versions of deleted rows, also of rows that were never there. Kept when a row comes back:
-- the row's own version is higher then. Cleared by the sweep below the floor.
CREATE TABLE IF NOT EXISTS fieldseal_tombstones (
    table_number BIGINT NOT NULL,
    -- SHA-256 of the encoded row key (docs/FORMAT.md, section 2).
    digest BYTEA NOT NULL,
    version BYTEA NOT NULL,
    PRIMARY KEY (table_number, digest)
);

-- Records that could not be applied, sealed whole. Never the row key in clear; table and column
-- names only where the policy knows them.
CREATE TABLE IF NOT EXISTS fieldseal_quarantine (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shard TEXT COLLATE "C" NOT NULL,
    sequence TEXT COLLATE "C" NOT NULL,
    object_index BIGINT NOT NULL,
    table_id TEXT COLLATE "C",
    operation TEXT,
    reason TEXT NOT NULL,
    column_name TEXT COLLATE "C",
    -- The generation a load belonged to, which cannot be completed while this is held.
    generation BIGINT,
    size BIGINT NOT NULL,
    -- (encrypted) the record: a free value of domain `quarantine`.
    payload BYTEA NOT NULL,
    UNIQUE (shard, sequence, object_index)
);

-- What discarded records left behind: tables that a verification or a new generation must
-- clear before the cutover.
CREATE TABLE IF NOT EXISTS fieldseal_debts (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    table_id TEXT COLLATE "C",
    reason TEXT NOT NULL,
    shard TEXT COLLATE "C" NOT NULL,
    sequence TEXT COLLATE "C" NOT NULL
);
