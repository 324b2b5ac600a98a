package conformance

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// marks are what a person reads in front of a check.
var marks = map[Outcome]string{Passed: "pass", Failed: "FAIL", Skipped: "skip"}

// WriteTable writes what passed, what didn't and why, for people; for programs
// there is Summary's JSON.
func WriteTable(out io.Writer, summary Summary) error {
	var b strings.Builder
	fmt.Fprintf(&b, "device %s\n", summary.Device)
	group := ""
	for _, r := range summary.Results {
		if r.Group != group {
			group = r.Group
			fmt.Fprintf(&b, "\n%s\n", group)
		}
		fmt.Fprintf(&b, "  %s  %-44s %7s\n", marks[r.Outcome], r.Check, took(r.Took))
		if r.Outcome == Failed {
			fmt.Fprintf(&b, "        rule: %s\n        seen: %s\n", r.Requirement, r.Detail)
		} else if r.Detail != "" {
			fmt.Fprintf(&b, "        %s\n", r.Detail)
		}
	}
	fmt.Fprintf(&b, "\n%d passed, %d failed, %d skipped\n", summary.Passed, summary.Failed, summary.Skipped)
	_, err := io.WriteString(out, b.String())
	return err
}

func took(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return fmt.Sprintf("%.2fs", d.Seconds())
}
