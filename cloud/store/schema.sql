-- The schema of a Tendril database. A new database is made from this file; the
-- migrations lead older ones to exactly this. Portable to PostgreSQL but for
-- BLOB (there BYTEA) and WITHOUT ROWID, which keeps a parent's rows together.
--
-- Times and durations are BIGINT milliseconds, times since 1970 UTC, 0 for none.
-- What devices and wizards say freely is BLOB: it may hold NUL bytes and invalid
-- UTF-8. Lists and maps that no query looks into are JSON.

CREATE TABLE accounts (
    id            TEXT    NOT NULL PRIMARY KEY,
    email         TEXT    NOT NULL,
    email_key     TEXT    NOT NULL UNIQUE,
    role          TEXT    NOT NULL,
    password_hash TEXT    NOT NULL,
    created_at    BIGINT  NOT NULL,
    email_confirmed BOOLEAN NOT NULL DEFAULT FALSE,
    language      TEXT    NOT NULL DEFAULT ''
);

CREATE TABLE sessions (
    id         TEXT   NOT NULL PRIMARY KEY,
    account_id TEXT   NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    token_hash BLOB   NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    user_agent TEXT   NOT NULL DEFAULT ''
);
CREATE INDEX sessions_by_account ON sessions (account_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- What was mailed as a link, to be used once.
CREATE TABLE account_links (
    token_hash BLOB   NOT NULL PRIMARY KEY,
    account_id TEXT   NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    purpose    TEXT   NOT NULL,
    email      TEXT   NOT NULL,
    expires_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX account_links_by_account ON account_links (account_id);

CREATE TABLE api_keys (
    id           TEXT   NOT NULL PRIMARY KEY,
    account_id   TEXT   NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name         TEXT   NOT NULL,
    key_hash     BLOB   NOT NULL UNIQUE,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL
);
CREATE INDEX api_keys_by_account ON api_keys (account_id, created_at, id);

CREATE TABLE products (
    id           TEXT    NOT NULL PRIMARY KEY,
    name         TEXT    NOT NULL,
    vendor       TEXT    NOT NULL,
    unit_suffix  BOOLEAN NOT NULL,
    datastreams  TEXT    NOT NULL,
    attempt_life BIGINT  NOT NULL,
    created_at   BIGINT  NOT NULL,
    updated_at   BIGINT  NOT NULL,
    slug         TEXT    NOT NULL DEFAULT '',
    setup        TEXT    NOT NULL DEFAULT 'tendril',
    accent       TEXT    NOT NULL DEFAULT '#1f7a4d',
    accent_dark  TEXT    NOT NULL DEFAULT '', -- empty: made from accent
    history_days BIGINT  NOT NULL DEFAULT 400,
    logo         TEXT    NOT NULL DEFAULT '' -- changes with the logo; empty: none
);
CREATE INDEX products_by_creation ON products (created_at, id);
CREATE UNIQUE INDEX products_by_slug ON products (slug) WHERE slug <> '';

-- A maker's own words: a JSON object of texts by key.
CREATE TABLE product_texts (
    product_id TEXT NOT NULL REFERENCES products (id) ON DELETE CASCADE,
    language   TEXT NOT NULL,
    texts      TEXT NOT NULL,
    PRIMARY KEY (product_id, language)
) WITHOUT ROWID;

CREATE TABLE product_logos (
    product_id TEXT NOT NULL PRIMARY KEY REFERENCES products (id) ON DELETE CASCADE,
    type       TEXT NOT NULL,
    image      BLOB NOT NULL
);

CREATE TABLE devices (
    id           TEXT   NOT NULL PRIMARY KEY,
    account_id   TEXT   NOT NULL REFERENCES accounts (id),
    product_id   TEXT   NOT NULL REFERENCES products (id),
    name         TEXT   NOT NULL,
    time_zone    TEXT   NOT NULL,
    firmware     TEXT   NOT NULL,
    meta         TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    last_event   BIGINT NOT NULL DEFAULT 0 -- the highest device_events.seq ever given
);
CREATE INDEX devices_by_account ON devices (account_id, id);
CREATE INDEX devices_by_product ON devices (product_id);

CREATE TABLE device_tokens (
    token_hash BLOB   NOT NULL PRIMARY KEY,
    device_id  TEXT   NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX device_tokens_by_device ON device_tokens (device_id, created_at);

CREATE TABLE device_values (
    device_id  TEXT    NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    pin        TEXT    NOT NULL,
    raw        BLOB    NOT NULL,
    valid      BOOLEAN NOT NULL,
    updated_at BIGINT  NOT NULL,
    PRIMARY KEY (device_id, pin)
) WITHOUT ROWID;

CREATE TABLE device_properties (
    device_id TEXT NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    pin       TEXT NOT NULL,
    name      BLOB NOT NULL,
    value     BLOB NOT NULL,
    PRIMARY KEY (device_id, pin, name)
) WITHOUT ROWID;

CREATE TABLE device_events (
    device_id   TEXT    NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    seq         BIGINT  NOT NULL,
    at          BIGINT  NOT NULL,
    code        BLOB    NOT NULL,
    description BLOB    NOT NULL,
    by_cloud    BOOLEAN NOT NULL,
    PRIMARY KEY (device_id, seq)
) WITHOUT ROWID;

-- device_id has no reference: an attempt outlives the device that came of it.
CREATE TABLE attempts (
    id              TEXT    NOT NULL PRIMARY KEY,
    account_id      TEXT    NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    product_id      TEXT    NOT NULL REFERENCES products (id),
    state           TEXT    NOT NULL,
    code            BIGINT  NOT NULL,
    device_id       TEXT    NOT NULL,
    device_name     TEXT    NOT NULL,
    time_zone       TEXT    NOT NULL,
    reprovision     BOOLEAN NOT NULL,
    token_hash      BLOB    NOT NULL UNIQUE,
    sealed_token    BLOB,
    idempotency_key TEXT, -- NULL for none, so that any number may have none
    request_hash    BLOB    NOT NULL,
    created_at      BIGINT  NOT NULL,
    expires_at      BIGINT  NOT NULL,
    life            BIGINT  NOT NULL,
    code_hash       BLOB, -- of what the short code stands for; NULL once the attempt ended
    UNIQUE (account_id, idempotency_key)
);
CREATE UNIQUE INDEX attempts_by_code ON attempts (code_hash);
CREATE INDEX attempts_by_account ON attempts (account_id, created_at, id);
CREATE INDEX attempts_by_product ON attempts (product_id);
CREATE INDEX open_attempts_by_account ON attempts (account_id) WHERE state IN ('issued', 'handed_over', 'failed');
CREATE INDEX open_attempts_by_device ON attempts (device_id) WHERE state IN ('issued', 'handed_over', 'failed');
CREATE INDEX open_attempts_by_expiry ON attempts (expires_at, id) WHERE state IN ('issued', 'handed_over', 'failed');

CREATE TABLE attempt_steps (
    attempt_id TEXT   NOT NULL REFERENCES attempts (id) ON DELETE CASCADE,
    seq        BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    name       TEXT   NOT NULL,
    code       BIGINT NOT NULL,
    detail     BLOB   NOT NULL,
    PRIMARY KEY (attempt_id, seq)
) WITHOUT ROWID;
