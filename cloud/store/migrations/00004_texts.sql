-- +goose Up
CREATE TABLE product_texts (
    product_id TEXT NOT NULL REFERENCES products (id) ON DELETE CASCADE,
    language   TEXT NOT NULL,
    texts      TEXT NOT NULL,
    PRIMARY KEY (product_id, language)
) WITHOUT ROWID;
