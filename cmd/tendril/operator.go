package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/tendril-iot/tendril/cloud"
	"github.com/tendril-iot/tendril/wizard"
)

// withOperator runs f with a client that makes requests as whoever holds the data
// directory: through the server that runs there, else by opening the data.
func (s *shell) withOperator(ctx context.Context, f func(*wizard.Cloud) error) (err error) {
	transport, release, err := cloud.OperatorTransport(ctx, cloud.Options{Data: s.Data, Version: buildVersion(), Log: s.log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	client, err := wizard.NewCloud("http://operator", wizard.CloudOptions{Transport: transport})
	if err != nil {
		return err
	}
	return f(client)
}

// show makes a request and shows its answer: as it is with --json, else by words.
func show[T any](ctx context.Context, s *shell, method, path string, in any, words func(T) error) error {
	return s.withOperator(ctx, func(client *wizard.Cloud) error {
		var answer json.RawMessage
		if err := client.Call(ctx, method, path, in, &answer); err != nil {
			return err
		}
		if s.JSON && answer != nil {
			return s.printJSON(answer)
		}
		var doc T
		if answer != nil {
			if err := json.Unmarshal(answer, &doc); err != nil {
				return fmt.Errorf("the server's answer is not understood: %w", err)
			}
		}
		return words(doc)
	})
}

// page is one page of a list.
type page struct {
	Items      []json.RawMessage `json:"items"`
	NextCursor *string           `json:"next_cursor"`
}

// list fetches a whole list and shows it: with --json as one page that holds all
// of it, else as a table.
func list[T any](ctx context.Context, s *shell, path string, query url.Values, none string, titles []string, row func(T) []string) error {
	return s.withOperator(ctx, func(client *wizard.Cloud) error {
		all := page{Items: []json.RawMessage{}}
		for more := true; more; {
			var answer page
			if err := client.Call(ctx, http.MethodGet, path+"?"+query.Encode(), nil, &answer); err != nil {
				return err
			}
			all.Items = append(all.Items, answer.Items...)
			if more = answer.NextCursor != nil; more {
				if query == nil {
					query = url.Values{}
				}
				query.Set("cursor", *answer.NextCursor)
			}
		}
		if s.JSON {
			return s.printJSON(all)
		}
		var rows [][]string
		for _, item := range all.Items {
			var doc T
			if err := json.Unmarshal(item, &doc); err != nil {
				return fmt.Errorf("the server's answer is not understood: %w", err)
			}
			rows = append(rows, row(doc))
		}
		return s.table(none, titles, rows)
	})
}

// path joins the parts of a request's path, whatever they hold.
func path(parts ...string) string {
	text := "/api/v1"
	for _, part := range parts {
		text += "/" + url.PathEscape(part)
	}
	return text
}

// text is a JSON value for people.
func text(value any) string {
	switch v := value.(type) {
	case nil:
		return "–"
	case string:
		return v
	case []any:
		parts := make([]string, len(v))
		for i, each := range v {
			parts[i] = text(each)
		}
		return strings.Join(parts, ", ")
	}
	return fmt.Sprint(value)
}
