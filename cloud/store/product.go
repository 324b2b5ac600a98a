package store

import (
	"github.com/tendril-iot/tendril/cloud/product"
)

const productColumns = `id, name, vendor, unit_suffix, datastreams, attempt_life, created_at, updated_at, slug, setup, accent, accent_dark, history_days, logo`

func scanProduct(row scanner) (p product.Product, err error) {
	err = row.Scan(&p.ID, &p.Name, &p.Vendor, &p.UnitSuffix, document{&p.Datastreams}, duration{&p.AttemptLife}, moment{&p.CreatedAt}, moment{&p.UpdatedAt},
		&p.Slug, &p.Setup, &p.Accent, &p.AccentDark, &p.HistoryDays, &p.Logo)
	return p, err
}

// InsertProduct implements product.Tx.
func (t *Tx) InsertProduct(p product.Product) error {
	datastreams, err := encode(p.Datastreams)
	if err != nil {
		return err
	}
	return t.insert(`INSERT INTO products (`+productColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		p.ID, p.Name, p.Vendor, p.UnitSuffix, datastreams, p.AttemptLife.Milliseconds(), millis(p.CreatedAt), millis(p.UpdatedAt),
		p.Slug, p.Setup, p.Accent, p.AccentDark, p.HistoryDays, p.Logo)
}

// UpdateProduct implements product.Tx.
func (t *Tx) UpdateProduct(p product.Product) error {
	datastreams, err := encode(p.Datastreams)
	if err != nil {
		return err
	}
	return t.change(product.ErrNotFound, `UPDATE products SET name = $1, vendor = $2, unit_suffix = $3, datastreams = $4, attempt_life = $5, updated_at = $6,
		slug = $7, setup = $8, accent = $9, accent_dark = $10, history_days = $11, logo = $12 WHERE id = $13`,
		p.Name, p.Vendor, p.UnitSuffix, datastreams, p.AttemptLife.Milliseconds(), millis(p.UpdatedAt),
		p.Slug, p.Setup, p.Accent, p.AccentDark, p.HistoryDays, p.Logo, p.ID)
}

// Product implements product.Tx.
func (t *Tx) Product(id string) (product.Product, error) {
	return one(t, product.ErrNotFound, scanProduct, `SELECT `+productColumns+` FROM products WHERE id = $1`, id)
}

// ProductBySlug implements product.Tx.
func (t *Tx) ProductBySlug(slug string) (product.Product, error) {
	return one(t, product.ErrNotFound, scanProduct, `SELECT `+productColumns+` FROM products WHERE slug = $1`, slug)
}

// Products implements product.Tx.
func (t *Tx) Products(after string, limit int) ([]product.Product, error) {
	if after == "" {
		return all(t, scanProduct, `SELECT `+productColumns+` FROM products ORDER BY created_at, id LIMIT $1`, limit)
	}
	return all(t, scanProduct, `SELECT `+productColumns+` FROM products
		WHERE (created_at, id) > (SELECT created_at, id FROM products WHERE id = $1) ORDER BY created_at, id LIMIT $2`, after, limit)
}

// ProductTexts implements product.Tx.
func (t *Tx) ProductTexts(id string) (map[string]product.Texts, error) {
	type row struct {
		language string
		texts    product.Texts
	}
	rows, err := all(t, func(from scanner) (r row, err error) {
		err = from.Scan(&r.language, document{&r.texts})
		return r, err
	}, `SELECT language, texts FROM product_texts WHERE product_id = $1`, id)
	if err != nil {
		return nil, err
	}
	texts := map[string]product.Texts{}
	for _, r := range rows {
		texts[r.language] = r.texts
	}
	return texts, nil
}

// PutProductTexts implements product.Tx.
func (t *Tx) PutProductTexts(id, language string, texts product.Texts) error {
	if len(texts) == 0 {
		_, err := t.exec(`DELETE FROM product_texts WHERE product_id = $1 AND language = $2`, id, language)
		return err
	}
	encoded, err := encode(texts)
	if err != nil {
		return err
	}
	return t.insert(`INSERT INTO product_texts (product_id, language, texts) VALUES ($1, $2, $3)
		ON CONFLICT (product_id, language) DO UPDATE SET texts = excluded.texts`, id, language, encoded)
}

// ProductLogo implements product.Tx.
func (t *Tx) ProductLogo(id string) (product.Logo, error) {
	return one(t, product.ErrNoLogo, func(from scanner) (l product.Logo, err error) {
		err = from.Scan(&l.Type, &l.Image)
		return l, err
	}, `SELECT type, image FROM product_logos WHERE product_id = $1`, id)
}

// PutProductLogo implements product.Tx.
func (t *Tx) PutProductLogo(id string, logo product.Logo) error {
	return t.insert(`INSERT INTO product_logos (product_id, type, image) VALUES ($1, $2, $3)
		ON CONFLICT (product_id) DO UPDATE SET type = excluded.type, image = excluded.image`, id, logo.Type, logo.Image)
}

// DeleteProductLogo implements product.Tx.
func (t *Tx) DeleteProductLogo(id string) error {
	_, err := t.exec(`DELETE FROM product_logos WHERE product_id = $1`, id)
	return err
}
