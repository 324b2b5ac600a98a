-- +goose Up
ALTER TABLE products ADD COLUMN logo TEXT NOT NULL DEFAULT '';
CREATE TABLE product_logos (
    product_id TEXT NOT NULL PRIMARY KEY REFERENCES products (id) ON DELETE CASCADE,
    type       TEXT NOT NULL,
    image      BLOB NOT NULL
);
