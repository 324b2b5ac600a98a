package portal_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/tendril-iot/tendril/protocol/portal"
)

func TestShortCodesFollowTheVectors(t *testing.T) {
	t.Parallel()
	var vectors struct {
		Codes []struct {
			Token       string `json:"token"`
			Code        string `json:"code"`
			DeviceToken string `json:"device_token"`
		} `json:"codes"`
		Typed []struct {
			Typed string `json:"typed"`
			Code  string `json:"code"`
		} `json:"typed"`
	}
	raw, err := os.ReadFile("../testdata/code.json")
	if err == nil {
		err = json.Unmarshal(raw, &vectors)
	}
	if err != nil || len(vectors.Codes) == 0 || len(vectors.Typed) == 0 {
		t.Fatal("no vectors", err)
	}
	for _, v := range vectors.Codes {
		token, ok := portal.TokenOfShortCode(v.Code)
		if code := portal.ShortCode(v.Token); code != v.Code || !ok || token != v.DeviceToken || len(token) != portal.TokenSize {
			t.Errorf("vector %s: the code or its token differs", v.Code)
		}
	}
	for _, v := range vectors.Typed {
		code, ok := portal.ParseShortCode(v.Typed)
		if ok != (v.Code != "") || ok && code != v.Code {
			t.Errorf("%q: got %q, %t", v.Typed, code, ok)
		}
	}
}

func TestAConfigurationTakesACodeForAToken(t *testing.T) {
	t.Parallel()
	const token = "abcdefghijklmnopqrstuvwxyz-_0123"
	code := portal.ShortCode(token)
	want, _ := portal.TokenOfShortCode(code)
	c, err := portal.ParseConfigurationJSON([]byte(`{"ssid":"Home","blynk":"` + code + `"}`))
	if err != nil || c.Token != want {
		t.Errorf("%v", err)
	}
	if _, err := portal.ParseConfigurationJSON([]byte(`{"ssid":"Home","blynk":"K7QF-3M2P-XW9"}`)); err == nil {
		t.Error("a short code that is too short was taken")
	}
}

func FuzzParseShortCode(f *testing.F) {
	f.Add("K7QF-3M2P-XW9T")
	f.Add("o l\u00a0i–")
	f.Fuzz(func(t *testing.T, typed string) {
		code, ok := portal.ParseShortCode(typed)
		if !ok {
			return
		}
		if again, ok := portal.ParseShortCode(code); !ok || again != code || len(code) != 12 {
			t.Errorf("%q reads as %q, and that as %q", typed, code, again)
		}
	})
}
