package device

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/tendril-iot/tendril/protocol/blynk"
)

// maxControlBody is the most bytes of a request that Control reads.
const maxControlBody = 64 << 10

// Control stands for hands and eyes at a device: its button, its plug, what it
// measures and shows. It asks nobody who they are, so serve it to this machine only.
//
//	POST /button {"held_ms": 3000}
//	POST /power  {"on": true, "cut_after_bytes": 100}
//	POST /write  {"pin": "V5", "value": "21.5"}
//	GET  /state
//	GET  /pins
//
// Changes are answered with the state, or 400 and what is wrong; a write while the
// device is offline with 409.
func Control(d *Device) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /button", func(w http.ResponseWriter, r *http.Request) {
		var press struct {
			Held *int64 `json:"held_ms"`
		}
		if !take(w, r, &press) {
			return
		}
		if press.Held == nil || *press.Held < 0 || *press.Held > time.Hour.Milliseconds() {
			complain(w, http.StatusBadRequest, "held_ms must be 0 to 3600000")
			return
		}
		d.Button(time.Duration(*press.Held) * time.Millisecond)
		show(w, http.StatusOK, d.State())
	})
	mux.HandleFunc("POST /power", func(w http.ResponseWriter, r *http.Request) {
		var power struct {
			On    *bool `json:"on"`
			After *int  `json:"cut_after_bytes"`
		}
		if !take(w, r, &power) {
			return
		}
		after := -1
		if power.After != nil {
			after = *power.After
		}
		if power.On == nil || power.After != nil && after < 0 {
			complain(w, http.StatusBadRequest, "on must be true or false, and cut_after_bytes 0 or more")
			return
		}
		d.Power(*power.On, after)
		show(w, http.StatusOK, d.State())
	})
	mux.HandleFunc("POST /write", func(w http.ResponseWriter, r *http.Request) {
		var write struct {
			Pin   *blynk.Pin `json:"pin"`
			Value *string    `json:"value"`
		}
		if !take(w, r, &write) {
			return
		}
		if write.Pin == nil || write.Value == nil {
			complain(w, http.StatusBadRequest, `pin must be a pin as "V5", and value a string`)
			return
		}
		switch err := d.Write(*write.Pin, *write.Value); {
		case errors.Is(err, ErrOffline):
			complain(w, http.StatusConflict, "the device is offline; try again when it is connected")
		case err != nil:
			complain(w, http.StatusBadRequest, err.Error())
		default:
			show(w, http.StatusOK, d.State())
		}
	})
	mux.HandleFunc("GET /state", func(w http.ResponseWriter, _ *http.Request) { show(w, http.StatusOK, d.State()) })
	mux.HandleFunc("GET /pins", func(w http.ResponseWriter, _ *http.Request) { show(w, http.StatusOK, d.Pins()) })
	// A page in this machine's browser is no hand.
	return http.NewCrossOriginProtection().Handler(mux)
}

// take reads the body, a JSON object of known members.
func take(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxControlBody))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("more than one JSON value")
		}
	}
	if err != nil {
		complain(w, http.StatusBadRequest, "the body must be one JSON object: "+err.Error())
	}
	return err == nil
}

func complain(w http.ResponseWriter, status int, message string) {
	show(w, status, map[string]string{"error": message})
}

func show(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
