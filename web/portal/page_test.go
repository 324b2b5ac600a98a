package portal_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"regexp"
	"testing"

	"github.com/tendril-iot/tendril/web/portal"
)

// maxCompressed is what a device with 1 MB of flash can spare for its page, in bytes.
const maxCompressed = 5 << 10

func TestThePageIsSmallAndWhole(t *testing.T) {
	t.Parallel()
	compressed := portal.Compressed()
	if len(compressed) > maxCompressed {
		t.Errorf("the page has %d bytes under gzip, more than %d", len(compressed), maxCompressed)
	}
	reader, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(reader); err != nil || !bytes.Equal(text, portal.Small) {
		t.Fatalf("it unpacks to %d bytes, %v", len(text), err)
	}
}

func TestThePageNeedsNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{`https?://`, `<link`, `<img`, `@import`, ` src=`, `url\(`} {
		if found := regexp.MustCompile(pattern).Find(portal.Page); found != nil {
			t.Errorf("the page refers to something outside: %s", found)
		}
	}
}
