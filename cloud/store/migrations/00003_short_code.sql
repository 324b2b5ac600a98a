-- +goose Up
ALTER TABLE attempts ADD COLUMN code_hash BLOB;
CREATE UNIQUE INDEX attempts_by_code ON attempts (code_hash);
