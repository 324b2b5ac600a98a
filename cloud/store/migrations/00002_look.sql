-- +goose Up
ALTER TABLE products ADD COLUMN slug TEXT NOT NULL DEFAULT '';
ALTER TABLE products ADD COLUMN setup TEXT NOT NULL DEFAULT 'tendril';
ALTER TABLE products ADD COLUMN accent TEXT NOT NULL DEFAULT '#1f7a4d';
ALTER TABLE products ADD COLUMN accent_dark TEXT NOT NULL DEFAULT '';
-- A maker gives older products a nicer one; it is unique as the id is.
UPDATE products SET slug = lower(id);
CREATE UNIQUE INDEX products_by_slug ON products (slug) WHERE slug <> '';
