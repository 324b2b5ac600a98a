-- +goose Up
ALTER TABLE products ADD COLUMN history_days BIGINT NOT NULL DEFAULT 400;
