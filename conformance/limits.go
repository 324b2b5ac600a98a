package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/tendril-iot/tendril/protocol/portal"
)

const groupLimits = "what it withstands"

func limitChecks() []check {
	return []check{
		{groupLimits, "too much", "a request of more than 4,096 bytes is turned away, and nothing changes", 0, checkOversized},
		{groupLimits, "a whole configuration fits", "a request of less than 4,096 bytes with all parameters at their longest is read", 0, checkLargest},
		{groupLimits, "garbage", "what isn't HTTP is answered 4xx or closed, and nothing changes", 0, checkGarbage},
		{groupLimits, "slow requests", "requests that never end hold nobody else up", 0, checkSlow},
		{groupLimits, "a connection too many", "many connections at once leave the portal usable after", 0, checkMany},
	}
}

func checkOversized(ctx context.Context, b *bench) error {
	long := strings.Repeat("x", 2*portal.MaxRequest)
	sound := nowhere().Values()
	sound.Set("unknown", long)
	return b.unchanged(ctx, func() error {
		for name, q := range map[string]ask{
			"query": configAsk(sound, asQuery), "form": configAsk(sound, asForm), "JSON": configAsk(sound, asJSON),
			"header": {path: portal.PathReboot, header: map[string]string{"X-Long": long}},
		} {
			a, err := b.do(ctx, q)
			if err == nil && a.status < 400 {
				return fmt.Errorf("a %s of %d bytes is answered %d", name, len(long), a.status)
			}
			// Closing the connection is an answer, too.
		}
		for name, text := range map[string]string{
			"announced body": "POST /reboot HTTP/1.1\r\nHost: " + b.portal.Host + "\r\nContent-Length: 999999999\r\n\r\n",
			"request line":   "GET /" + strings.Repeat("x", 1<<20) + " HTTP/1.1\r\nHost: " + b.portal.Host + "\r\n\r\n",
			"line":           strings.Repeat("x", 1<<20),
		} {
			status, err := b.raw(ctx, text)
			if err == nil && status != 0 && status < 400 {
				err = fmt.Errorf("answered %d", status)
			}
			if err != nil {
				return fmt.Errorf("too long a %s: %w", name, err)
			}
		}
		return nil
	})
}

// checkLargest hands over what is wrong at its very end only: the device has read
// it all if it says so.
func checkLargest(ctx context.Context, b *bench) error {
	values := nowhere().Values()
	ssid, password := strings.Repeat("\xff", portal.MaxSSID), strings.Repeat("\xfe", portal.MaxPassword)
	values.Set("ssid", ssid)
	values.Set("ssidManual", ssid)
	values.Set("pass", password)
	values.Set("host", strings.Repeat("h", portal.MaxHost))
	for _, name := range []string{"ip", "mask", "gw", "dns", "dns2"} {
		values.Set(name, "255.255.255.255")
	}
	values.Set("save", "2")
	return b.unchanged(ctx, func() error { return b.refusesAll(ctx, values, "save") })
}

func checkGarbage(ctx context.Context, b *bench) error {
	host := "\r\nHost: " + b.portal.Host + "\r\n"
	return b.unchanged(ctx, func() error {
		for name, text := range map[string]string{
			"zeros":                    strings.Repeat("\x00", 100),
			"a TLS hello":              "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + strings.Repeat("\x5a", 154),
			"a device's login":         "\x1d\x00\x01\x00\x20" + newToken(),
			"no version":               "GET /reboot\r\n\r\n",
			"an unknown version":       "GET /reboot HTTP/9.9" + host + "\r\n",
			"a NUL in the path":        "GET /re\x00boot HTTP/1.1" + host + "\r\n",
			"a negative length":        "POST /reboot HTTP/1.1" + host + "Content-Length: -1\r\n\r\n",
			"two lengths":              "POST /reboot HTTP/1.1" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
			"a broken chunk":           "POST /config HTTP/1.1" + host + "Transfer-Encoding: chunked\r\n\r\nzz\r\nxx\r\n",
			"a header without a name":  "GET /reboot HTTP/1.1" + host + ": x\r\n\r\n",
			"a header without a colon": "GET /reboot HTTP/1.1" + host + "nonsense\r\n\r\n",
			"two hosts":                "GET /reboot HTTP/1.1" + host + "Host: evil.example\r\n\r\n",
			"half a request":           "POST /config HTTP/1.1" + host + "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n" + nowhere().Values().Encode(),
			"nothing":                  "",
		} {
			status, err := b.raw(ctx, text)
			if err == nil && status != 0 && status < 400 {
				err = fmt.Errorf("answered %d", status)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	})
}

// stalled opens n connections that say text and then nothing. The caller closes
// them.
func (b *bench) stalled(ctx context.Context, n int, text string) (open []net.Conn, err error) {
	for range n {
		connection, err := b.dial(ctx)
		if err != nil {
			break // what isn't accepted holds nobody up
		}
		open = append(open, connection)
		if _, err := io.WriteString(connection, text); err != nil {
			continue
		}
	}
	if len(open) == 0 {
		return nil, errors.New("the portal accepts no connection")
	}
	return open, nil
}

func closeAll(connections []net.Conn) {
	for _, c := range connections {
		c.Close()
	}
}

func checkSlow(ctx context.Context, b *bench) error {
	if _, err := b.inSetup(ctx); err != nil {
		return err
	}
	for _, text := range []string{"", "GET /boa", "POST /config HTTP/1.1\r\nHost: " + b.portal.Host + "\r\nContent-Length: 500\r\n\r\nssid="} {
		open, err := b.stalled(ctx, 3, text)
		if err != nil {
			return err
		}
		began := time.Now()
		_, err = b.info(ctx)
		closeAll(open)
		if err != nil {
			return fmt.Errorf("beside 3 stalled requests: %w", err)
		}
		if took := time.Since(began); took > 5*time.Second {
			return fmt.Errorf("beside 3 stalled requests an answer takes %v", took.Round(time.Millisecond))
		}
	}
	return nil
}

func checkMany(ctx context.Context, b *bench) error {
	return b.unchanged(ctx, func() error {
		open, err := b.stalled(ctx, 100, "GET / HTTP/1.1\r\n")
		if err != nil {
			return err
		}
		closeAll(open)
		return b.awaitFor(ctx, 10*time.Second, "the portal answers after 100 connections", func() (bool, error) {
			a, err := b.do(ctx, ask{path: portal.PathBoardInfo})
			return err == nil && a.status == http.StatusOK, nil
		})
	})
}
