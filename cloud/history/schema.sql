-- The schema of a Tendril history, version 1 (PRAGMA user_version). Times are
-- milliseconds since 1970 UTC.

CREATE TABLE series (
    -- Never used again, so that what a deleted series leaves behind is nobody's.
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    device_id TEXT    NOT NULL,
    pin       TEXT    NOT NULL,
    -- What the journal holds of it up to this entry is in chunks.
    sealed    INTEGER NOT NULL DEFAULT 0,
    UNIQUE (device_id, pin)
);

-- Values in the order of their arrival, until they are in chunks.
CREATE TABLE journal (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    data BLOB    NOT NULL
);

-- What a series was within one window of a resolution: 0 values, 1 minutes, 2 hours,
-- 3 days. Values may take several parts.
CREATE TABLE chunks (
    id         INTEGER PRIMARY KEY,
    series     INTEGER NOT NULL,
    resolution INTEGER NOT NULL,
    start      INTEGER NOT NULL,
    part       INTEGER NOT NULL,
    data       BLOB    NOT NULL
);
CREATE UNIQUE INDEX chunks_by_start ON chunks (series, resolution, start, part);

-- Deleted series whose chunks are still to be deleted.
CREATE TABLE gone (
    series INTEGER PRIMARY KEY
);
