package conformance

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/tendril-iot/tendril/protocol/portal"
	"github.com/tendril-iot/tendril/wizard"
)

const (
	groupInfo  = "what the portal says"
	jsonType   = "application/json"
	pageType   = "text/html"
	headerType = "Content-Type"
)

func infoChecks() []check {
	return []check{
		{groupInfo, "page", "GET / answers the device's own page as HTML", 0, checkPage},
		{groupInfo, "board info: form", "GET /board_info.json answers a JSON object in UTF-8 with every field of its kind", 0, checkInfoForm},
		{groupInfo, "board info: product", "tmpl_id is TMPL and 8 base-62 characters, and the product's", 0, checkInfoProduct},
		{groupInfo, "board info: setup network", "ssid is the vendor and name, with or without the unit's suffix, at most 31 bytes", 0, checkInfoSSID},
		{groupInfo, "scan: form", "GET /wifi_scan.json answers at most 15 networks, strongest first, SSIDs of at most 32 bytes", 0, checkScanForm},
		{groupInfo, "scan: every byte of a name", "SSIDs come escaped as JSON, or as digits in ssid_hex where they aren't UTF-8", needAir, checkScanNames},
		{groupInfo, "scan: many networks", "of more than 15 networks the strongest 15 are answered", needAir, checkScanMany},
		{groupInfo, "wizard understands", "the wizard reads board info and scan", 0, checkWizardReads},
		{groupInfo, "methods", "what only answers takes no POST, PUT or DELETE", 0, checkMethods},
		{groupInfo, "unknown paths", "unknown paths, /update among them, are 404 or lead to the portal", 0, checkUnknownPaths},
	}
}

func (b *bench) get(ctx context.Context, path, contentType string) (answer, error) {
	a, err := b.do(ctx, ask{path: path})
	switch {
	case err != nil:
		return a, fmt.Errorf("%s: %w", path, err)
	case a.status != http.StatusOK:
		return a, fmt.Errorf("%s is answered %d", path, a.status)
	case !strings.HasPrefix(a.header.Get(headerType), contentType):
		return a, fmt.Errorf("%s is %q, want %s", path, a.header.Get(headerType), contentType)
	}
	return a, nil
}

func checkPage(ctx context.Context, b *bench) error {
	a, err := b.get(ctx, portal.PathPage, pageType)
	if err == nil && len(a.body) == 0 {
		err = errors.New("the page is empty")
	}
	return err
}

var macPattern = regexp.MustCompile(`^[0-9A-F]{2}(:[0-9A-F]{2}){5}$`)

func checkInfoForm(ctx context.Context, b *bench) error {
	a, err := b.get(ctx, portal.PathBoardInfo, jsonType)
	if err != nil {
		return err
	}
	var members map[string]any
	if err := decodeStrict(a.body, &members); err != nil {
		return err
	}
	for _, name := range []string{"board", "tmpl_id", "fw_type", "fw_ver", "vendor", "name", "ssid", "bssid", "mac"} {
		if text, is := members[name].(string); !is || text == "" {
			return fmt.Errorf("%s is %v, want text", name, members[name])
		}
	}
	for _, name := range []string{"wifi_scan", "static_ip", "configured"} {
		if _, is := members[name].(bool); !is {
			return fmt.Errorf("%s is %v, want true or false", name, members[name])
		}
	}
	code, is := members["last_error"].(float64)
	if c := portal.Code(code); !is || c != portal.CodeNone && !c.Known() {
		return fmt.Errorf("last_error is %v, want 0 or a code", members["last_error"])
	}
	for _, name := range []string{"mac", "bssid"} {
		if text := strings.ToUpper(members[name].(string)); !macPattern.MatchString(text) {
			return fmt.Errorf("%s is %q", name, text)
		}
	}
	return nil
}

var productPattern = regexp.MustCompile(`^TMPL[0-9A-Za-z]{8}$`)

func checkInfoProduct(ctx context.Context, b *bench) error {
	info, err := b.info(ctx)
	switch {
	case err != nil:
		return err
	case !productPattern.MatchString(info.TemplateID):
		return fmt.Errorf("tmpl_id is %q", info.TemplateID)
	case b.options.Product != "" && info.TemplateID != b.options.Product:
		return fmt.Errorf("tmpl_id is %s, want %s", info.TemplateID, b.options.Product)
	}
	return nil
}

func checkInfoSSID(ctx context.Context, b *bench) error {
	info, err := b.info(ctx)
	if err != nil {
		return err
	}
	var mac [6]byte
	raw, err := hex.DecodeString(strings.ReplaceAll(info.MAC, ":", ""))
	if err != nil || copy(mac[:], raw) != len(mac) {
		return fmt.Errorf("mac is %q", info.MAC)
	}
	names := []string{portal.SetupSSID(info.Vendor, info.Name, ""), portal.SetupSSID(info.Vendor, info.Name, portal.UnitSuffix(mac))}
	if !slices.Contains(names, info.SSID) {
		return fmt.Errorf("ssid is %q, want one of %q", info.SSID, names)
	}
	return nil
}

// scan reads the scan, and each name's bytes.
func (b *bench) scan(ctx context.Context) ([]portal.Network, []string, error) {
	a, err := b.get(ctx, portal.PathScan, jsonType)
	if err != nil {
		return nil, nil, err
	}
	var networks []portal.Network
	if err := decodeStrict(a.body, &networks); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", portal.PathScan, err)
	}
	if networks == nil {
		return nil, nil, fmt.Errorf("%s is null, want an array", portal.PathScan)
	}
	var names []string
	for _, n := range networks {
		name := n.SSID
		if n.SSIDHex != "" {
			raw, err := hex.DecodeString(n.SSIDHex)
			if err != nil {
				return nil, nil, fmt.Errorf("ssid_hex is %q", n.SSIDHex)
			}
			name = string(raw)
		}
		names = append(names, name)
	}
	return networks, names, nil
}

func checkScanForm(ctx context.Context, b *bench) error {
	networks, names, err := b.scan(ctx)
	if err != nil {
		return err
	}
	if len(networks) > portal.MaxScan {
		return fmt.Errorf("%d networks", len(networks))
	}
	for i, n := range networks {
		switch {
		case len(names[i]) > portal.MaxSSID:
			return fmt.Errorf("a name of %d bytes", len(names[i]))
		case n.RSSI >= 0 || n.RSSI < -120:
			return fmt.Errorf("%q has rssi %d dBm", names[i], n.RSSI)
		case i > 0 && n.RSSI > networks[i-1].RSSI:
			return fmt.Errorf("%q at %d dBm comes after one at %d dBm", names[i], n.RSSI, networks[i-1].RSSI)
		case n.Sec == "":
			return fmt.Errorf("%q has no sec", names[i])
		case n.Channel < 1 || n.Channel > 196:
			return fmt.Errorf("%q is on channel %d", names[i], n.Channel)
		}
	}
	return nil
}

// heard waits until the scan is as wanted: the air may be re-read a moment late.
func (b *bench) heard(ctx context.Context, air []airNetwork, is func(names []string) error) error {
	if err := b.setAir(air); err != nil {
		return err
	}
	var wrong error
	err := b.awaitFor(ctx, airPatience, "the scan shows the air", func() (bool, error) {
		_, names, err := b.scan(ctx)
		if err != nil {
			return false, err
		}
		wrong = is(names)
		return wrong == nil, nil
	})
	if wrong != nil && ctx.Err() == nil {
		return wrong
	}
	return err
}

func checkScanNames(ctx context.Context, b *bench) error {
	if _, err := b.inSetup(ctx); err != nil {
		return err
	}
	ssids := []string{
		`"`, `\`, `","bssid":"`, `</script>`, "Grüne Väter", "🌱", "a b+c&d=e%41#f", strings.Repeat("x", portal.MaxSSID), " spaces ", "\xff\xfe", "Caf\xe9",
	}
	for at := 1; at <= 255; {
		var name []byte
		for ; len(name) < portal.MaxSSID && at <= 255; at++ {
			name = append(name, byte(at))
		}
		ssids = append(ssids, string(name))
	}
	for len(ssids) > 0 {
		some := ssids[:min(10, len(ssids))]
		ssids = ssids[len(some):]
		var air []airNetwork
		for _, ssid := range some {
			air = append(air, airNetwork{ssid: ssid})
		}
		err := b.heard(ctx, air, func(names []string) error {
			for _, ssid := range some {
				if !slices.Contains(names, ssid) {
					return fmt.Errorf("no network %q in the scan", ssid)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func checkScanMany(ctx context.Context, b *bench) error {
	if _, err := b.inSetup(ctx); err != nil {
		return err
	}
	var air []airNetwork
	for i := range 40 {
		air = append(air, airNetwork{ssid: fmt.Sprintf("network %02d", i), rssi: -90 + i})
	}
	return b.heard(ctx, air, func(names []string) error {
		if len(names) != portal.MaxScan || names[0] != "network 39" || names[portal.MaxScan-1] != "network 25" {
			return fmt.Errorf("of 40 networks it answers %q", names)
		}
		return nil
	})
}

func checkWizardReads(ctx context.Context, b *bench) error {
	device, err := wizard.NewPortal(b.portal.String(), wizard.PortalOptions{})
	if err != nil {
		return err
	}
	if _, err := device.BoardInfo(ctx); err != nil {
		return err
	}
	_, err = device.Scan(ctx)
	return err
}

func checkMethods(ctx context.Context, b *bench) error {
	return b.unchanged(ctx, func() error {
		for _, path := range []string{portal.PathPage, portal.PathBoardInfo, portal.PathScan} {
			for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
				if err := b.notDone(ctx, ask{method: method, path: path}); err != nil {
					return err
				}
			}
		}
		for _, path := range []string{portal.PathConfig, portal.PathReset, portal.PathReboot} {
			for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch} {
				if err := b.notDone(ctx, ask{method: method, path: path}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// notDone wants a request turned away, by a status or by a redirect.
func (b *bench) notDone(ctx context.Context, q ask) error {
	a, err := b.do(ctx, q)
	if err == nil && a.status < 300 {
		err = fmt.Errorf("%s %s is answered %d", q.method, q.path, a.status)
	}
	return err
}

func checkUnknownPaths(ctx context.Context, b *bench) error {
	return b.unchanged(ctx, func() error {
		for _, path := range []string{"/update", "/nothing", "/config/", "/../etc/passwd", "/%00", "/board_info.json/x", "//"} {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				a, err := b.do(ctx, ask{method: method, path: path})
				if err != nil {
					return fmt.Errorf("%s: %w", path, err)
				}
				if a.status >= 200 && a.status < 300 && method == http.MethodPost ||
					a.status == http.StatusOK && json.Valid(a.body) || a.status >= 500 {
					return fmt.Errorf("%s %s is answered %d", method, path, a.status)
				}
			}
		}
		return nil
	})
}
