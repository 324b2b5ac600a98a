package firmware_test

import (
	"testing"
	"time"

	"github.com/tendril-iot/tendril/conformance"
)

// TestConforms judges the firmware by everything that the suite has.
func TestConforms(t *testing.T) {
	t.Parallel()
	const product, origin = "TMPLplant001", "https://wizard.example"
	u := plug(t, "[]", "--product", product, "--name", "myPlant", "--vendor", "Blynk", "--wizard-origin", origin)
	u.until(patience(t), 0, "the setup network opens", named("setup_network_up"))
	summary, err := conformance.Run(t.Context(), conformance.Options{
		Portal: "http://" + u.portal, Control: "http://" + u.control, Air: u.air, Cloud: true, Product: product, WizardOrigin: origin,
		Patience: 30 * time.Second, MinPause: time.Second / hurry,
	}, func(r conformance.Result) {
		if r.Outcome == conformance.Failed {
			t.Errorf("%s: %s: %s: %s", r.Group, r.Check, r.Requirement, r.Detail)
		}
	})
	must(t, err)
	// One check stands in for another where there is no air; another is of port 80.
	if summary.Passed < 84 || summary.Skipped > 2 {
		t.Errorf("%d passed, %d skipped", summary.Passed, summary.Skipped)
	}
}
