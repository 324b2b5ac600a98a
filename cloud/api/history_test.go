package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestHistory(t *testing.T) {
	t.Parallel()
	w := populate(t)
	device := w.known["device"]
	const path = "/api/v1/devices/{device}/datastreams"
	// On the hour, a day ago, so that all fall into known steps.
	hour := time.Now().UTC().Add(-24 * time.Hour).Truncate(time.Hour)
	said := func(pin, raw string, at time.Time) {
		w.values.Received(device, w.known["product"], mustPin(t, pin), raw, at)
	}
	said("V0", "10.5", hour)
	said("V0", "200", hour) // out of range
	said("V0", "1\x002", hour)
	said("V0", "20.5", hour.Add(time.Minute))
	said("V1", "2", hour)
	said("V3", "text", hour)
	said("V9", "1", hour)
	w.must("anna", "PUT", path+"/V2", `{"value":7}`)

	query := func(from, to time.Time) string {
		return "?" + url.Values{"from": {from.Format(time.RFC3339)}, "to": {to.Format(time.RFC3339)}}.Encode()
	}
	at := func(when time.Time) string { return when.Format("2006-01-02T15:04:05Z") }
	w.tryAll(t, []exchange{
		{as: "anna", method: "GET", path: path + "/V0/history" + query(hour, hour.Add(24*time.Hour)), status: 200, has: []string{
			fmt.Sprintf(`{"pin":"V0","from":%q,"to":%q,"step_seconds":120,"points":[[%d,15.5,10.5,20.5]]}`, at(hour), at(hour.Add(24*time.Hour)), hour.UnixMilli())}},
		{as: "anna", method: "GET", path: path + "/v1/history" + query(hour, hour.Add(time.Hour)), status: 200, has: []string{
			fmt.Sprintf(`"step_seconds":5,"points":[[%d,2,2,2]]`, hour.UnixMilli())}},
		{as: "maker", method: "GET", path: path + "/V2/history?period=month", status: 200, has: []string{`"step_seconds":3600,"points":[[`, `,7,7,7]]`}},
		{as: "anna", method: "GET", path: path + "/V2/history", status: 200, has: []string{`"step_seconds":120`, `,7,7,7]]`}},
		{as: "anna", method: "GET", path: path + "/V2/history?from=" + at(hour), status: 200, has: []string{`,7,7,7]]`}},
		{as: "anna", method: "GET", path: path + "/V2/history?period=hour", status: 200, has: []string{`"step_seconds":5`}},
		{as: "anna", method: "GET", path: path + "/V2/history?period=week", status: 200, has: []string{`"step_seconds":900`}},
		{as: "anna", method: "GET", path: path + "/V2/history?period=year", status: 422, has: []string{`"code":"unfit_value"`, `"field":"period"`}},
		{as: "anna", method: "GET", path: path + "/V2/history?period=day&from=" + at(hour), status: 422, has: []string{`"code":"period_and_range"`}},
		{as: "anna", method: "GET", path: path + "/V2/history?to=" + at(hour), status: 422, has: []string{`"code":"required"`, `"field":"from"`}},
		{as: "anna", method: "GET", path: path + "/V2/history" + query(hour, hour), status: 422, has: []string{`"code":"range_unfit"`}},
		{as: "anna", method: "GET", path: path + "/V2/history" + query(hour.AddDate(-11, 0, 0), hour), status: 422, has: []string{`"code":"range_unfit"`, "3650"}},
		{as: "anna", method: "GET", path: path + "/V2/history?from=yesterday", status: 422, has: []string{`"field":"from"`}},
		{as: "anna", method: "GET", path: path + "/V3/history", status: 422, has: []string{`"code":"not_numeric"`, "note is text", `"field":"pin"`}},
		{as: "anna", method: "GET", path: path + "/V9/history", status: 422, has: []string{`"code":"not_numeric"`, "V9"}},
		{as: "anna", method: "GET", path: path + "/X9/history", status: 422, has: []string{`"code":"unknown_pin"`}},
		{as: "anna", method: "GET", path: path + "/V3/history.csv", status: 422, has: []string{`"code":"not_numeric"`}},
		{as: "anna", method: "GET", path: path + "/V0/history.csv" + query(hour, hour), status: 422, has: []string{`"code":"range_unfit"`}},
	})

	response, text := w.send(w.request(t.Context(), "anna", "GET", path+"/V0/history.csv", ""))
	want := "time,value\n" + hour.Format("2006-01-02T15:04:05.000Z") + ",10.5\n" + hour.Add(time.Minute).Format("2006-01-02T15:04:05.000Z") + ",20.5\n"
	if response.StatusCode != http.StatusOK || text != want || response.Header.Get("Content-Type") != "text/csv; charset=utf-8" ||
		response.Header.Get("Content-Disposition") != `attachment; filename="V0.csv"` {
		t.Errorf("%d %v: %s", response.StatusCode, response.Header, text)
	}
	response, text = w.send(w.request(t.Context(), "anna", "GET", path+"/V0/history.csv?from="+at(hour.AddDate(0, 0, -100)), ""))
	want = "time,average,minimum,maximum,count\n" + hour.Format("2006-01-02T15:04:05.000Z") + ",15.5,10.5,20.5,2\n"
	if response.StatusCode != http.StatusOK || text != want {
		t.Errorf("%d: %s", response.StatusCode, text)
	}
	w.try(t, exchange{as: "anna", method: "DELETE", path: "/api/v1/devices/{device}", status: 204})
	w.try(t, exchange{as: "anna", method: "GET", path: path + "/V0/history", status: 404, has: []string{`"code":"device_not_found"`}})
}

func TestDevicesWithTheirValues(t *testing.T) {
	t.Parallel()
	w := populate(t)
	w.device("anna")
	w.must("anna", "PUT", "/api/v1/devices/{device}/datastreams/V1", `{"value":"cool"}`)
	_, plain := w.send(w.request(t.Context(), "anna", "GET", "/api/v1/devices", ""))
	if strings.Contains(plain, `"datastreams"`) {
		t.Error("values that nobody asked for:", plain)
	}
	_, text := w.send(w.request(t.Context(), "anna", "GET", "/api/v1/devices?values=true", ""))
	var list struct {
		Items []struct {
			ID          string            `json:"id"`
			Datastreams []json.RawMessage `json:"datastreams"`
		} `json:"items"`
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil || len(list.Items) != 2 {
		t.Fatal(text, err)
	}
	for _, item := range list.Items {
		if len(item.Datastreams) != 4 {
			t.Errorf("%s has %d datastreams", item.ID, len(item.Datastreams))
		}
		mode := string(item.Datastreams[1])
		if want := map[bool]string{true: `"cool"`, false: `"heat"`}[item.ID == w.known["device"]]; !strings.Contains(mode, want) {
			t.Errorf("%s: %s, want %s", item.ID, mode, want)
		}
	}
}
