// {{comment .Name}} as its cloud knows it. Made by `tendril firmware new`, which makes
// it anew when the product or the cloud changes: what is yours is better elsewhere.
#pragma once

#include <Arduino.h>

#include "src/Tendril.h"
{{- if .Streams}}

// The product's datastreams.
{{- range .Streams}}
constexpr uint8_t {{.Constant}} = V{{.Pin}};  // {{comment .About}}
{{- end}}
{{- end}}
{{- if .Roots}}

// The certificates that the cloud's must lead to.
static const char kRoots[] PROGMEM =
{{- range lines .Roots}}
    {{quote .}}
{{- end}};
{{- end}}
{{- if .WizardOrigins}}

// The pages that may set the device up, beside its own.
static const char* const kWizards[] = {
{{- range .WizardOrigins}}
    {{quote .}},
{{- end}}
};
{{- end}}

inline tendril::Product product() {
  tendril::Product p;
  p.templateId = {{quote .ID}};
  p.name = {{quote .Name}};
  p.vendor = {{quote .Vendor}};
  p.unitSuffix = {{.UnitSuffix}};
#ifdef ESP32
  p.board = "ESP32";
#else
  p.board = "ESP8266";
#endif
  p.host = {{quote .Host}};
  p.port = {{.Port}};
  p.tlsPort = {{.TLSPort}};
  p.tls = {{.TLS}};{{if and .TLSPort (not .TLS)}}  // no certificate can be checked for an address: give the cloud a name{{end}}
{{- if .WizardOrigins}}
  p.wizardOrigins = kWizards;
  p.wizardOriginCount = {{len .WizardOrigins}};
{{- end}}
  return p;
}

inline tendril::Wiring wiring() {
  tendril::Wiring w;
{{- if .Roots}}
  w.roots = kRoots;
{{- end}}
  w.builtAt = {{.Made.Unix}};  // {{.Made.UTC.Format "2006-01-02"}}: no certificate is checked against an earlier day
  return w;
}
