package api_test

import (
	"context"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tendril-iot/tendril/cloud/api"
	"github.com/tendril-iot/tendril/cloud/provisioning"
	"github.com/tendril-iot/tendril/cloud/store"
)

// BenchmarkNew is how long a server's start spends here.
func BenchmarkNew(b *testing.B) {
	w := populate(b)
	for b.Loop() {
		api.New(w.options)
	}
}

// post does one request of anna's and gives the answer's body.
func (w *world) post(b *testing.B, path, body string) string {
	b.Helper()
	r := httptest.NewRequestWithContext(b.Context(), "POST", path, strings.NewReader(body))
	r.RemoteAddr, r.Host = "127.0.0.1:5000", "localhost"
	r.Header.Set("Authorization", "Bearer "+w.bearers["anna"])
	r.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	w.public.Config.Handler.ServeHTTP(recorder, r)
	if recorder.Code > 299 {
		b.Fatal(recorder.Code, recorder.Body)
	}
	text, err := io.ReadAll(recorder.Body)
	if err != nil {
		b.Fatal(err)
	}
	return string(text)
}

// BenchmarkAttempt compares an attempt that is opened, handed over and cancelled
// through the edge with the same calls on the service, and with the bare rows:
// what is between them is what the edge, and the rules, cost.
func BenchmarkAttempt(b *testing.B) {
	b.Run("edge", func(b *testing.B) {
		w := populate(b)
		open := w.fill(`{"product_id":"{product}"}`)
		for b.Loop() {
			_, rest, _ := strings.Cut(w.post(b, "/api/v1/provisionings", open), `"id":"`)
			id, _, _ := strings.Cut(rest, `"`)
			w.post(b, "/api/v1/provisionings/"+id+"/steps", `{"step":"configuration_accepted"}`)
			w.end(b, id)
		}
	})
	b.Run("service", func(b *testing.B) {
		w := populate(b)
		who, err := w.accounts.Authenticate(b.Context(), w.bearers["anna"])
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			opened, err := w.attempts.Open(b.Context(), who, provisioning.Request{ProductID: w.known["product"]}, "")
			if err != nil {
				b.Fatal(err)
			}
			if _, _, err := w.attempts.Report(b.Context(), who, opened.Attempt.ID, provisioning.Report{Step: provisioning.StepConfigurationAccepted}); err != nil {
				b.Fatal(err)
			}
			w.end(b, opened.Attempt.ID)
		}
	})
	b.Run("rows", func(b *testing.B) {
		w := populate(b)
		rows := store.As[provisioning.Tx](w.db)
		who, err := w.accounts.Authenticate(b.Context(), w.bearers["anna"])
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for b.Loop() {
			n++
			a := provisioning.Attempt{ID: fmt.Sprint(n), AccountID: who.AccountID, ProductID: w.known["product"], State: provisioning.Issued}
			a.TokenHash[0], a.TokenHash[1], a.TokenHash[2], a.TokenHash[3] = byte(n), byte(n>>8), byte(n>>16), 1
			err := rows.Update(b.Context(), func(tx provisioning.Tx) error {
				if err := tx.InsertAttempt(a); err != nil {
					return err
				}
				return tx.AppendStep(a.ID, provisioning.Step{Seq: 1, Name: provisioning.StepIssued})
			})
			if err != nil {
				b.Fatal(err)
			}
			a.State = provisioning.HandedOver
			err = rows.Update(b.Context(), func(tx provisioning.Tx) error {
				if err := tx.UpdateAttempt(a); err != nil {
					return err
				}
				return tx.AppendStep(a.ID, provisioning.Step{Seq: 2, Name: provisioning.StepConfigurationAccepted})
			})
			if err != nil {
				b.Fatal(err)
			}
			w.end(b, a.ID)
		}
	})
}

// end makes room for the next attempt; its time doesn't count.
func (w *world) end(b *testing.B, id string) {
	b.Helper()
	b.StopTimer()
	defer b.StartTimer()
	err := store.As[provisioning.Tx](w.db).Update(context.Background(), func(tx provisioning.Tx) error {
		a, err := tx.Attempt(id)
		if err != nil {
			return err
		}
		a.State, a.SealedToken = provisioning.Cancelled, nil
		return tx.UpdateAttempt(a)
	})
	if err != nil {
		b.Fatal(err)
	}
}
