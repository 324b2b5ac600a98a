package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tendril-iot/tendril/cloud/product"
)

func (a *API) logoRoutes() {
	const products, path = "Products", "/api/v1/products/{id}/logo"
	put := operation("put-logo", http.MethodPut, path, products, "Replace a product's logo, for makers")
	put.Description = "The body is the picture, of at most 48 KiB; what kind it is its content says."
	// RawBody names one media type; the others are taken as well.
	picture := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	put.RequestBody = &huma.RequestBody{Content: map[string]*huma.MediaType{product.TypeSVG: picture, product.TypePNG: picture, product.TypeWebP: picture}}
	call(a, signedIn, put, a.putLogo)
	call(a, signedIn, operation("delete-logo", http.MethodDelete, path, products, "Take a product's logo away, for makers"), a.deleteLogo)
}

func (a *API) putLogo(ctx context.Context, from *caller, in *struct {
	ByID
	RawBody []byte `contentType:"image/png"`
}) (*body[productDoc], error) {
	p, err := a.Products.SetLogo(ctx, from.who, in.ID, in.RawBody)
	if err != nil {
		return nil, err
	}
	return &body[productDoc]{showProduct(p)}, nil
}

func (a *API) deleteLogo(ctx context.Context, from *caller, in *ByID) (*none, error) {
	_, err := a.Products.RemoveLogo(ctx, from.who, in.ID)
	return nil, err
}

// logoURL is where a product's logo is; nil if it has none.
func logoURL(p product.Product) *string {
	if p.Logo == "" {
		return nil
	}
	url := "/p/" + p.Slug + "/logo?v=" + p.Logo
	return &url
}
