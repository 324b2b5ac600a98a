// {{comment .Name}}: this file is yours.

#include "src/Tendril.h"

#include "product.h"
{{- with .Output}}

// The cloud writes {{comment .Name}}{{if .Labels}}: {{range $i, $l := .Labels}}{{if $i}}, {{end}}{{$i}} is {{comment $l}}{{end}}{{end}}.
constexpr uint8_t kOutput = 5;
TENDRIL_WRITE({{.Constant}}) { digitalWrite(kOutput, param.asInt() ? HIGH : LOW); }
{{- end}}
{{- with .Input}}

// What the sensor on A0 measures, as {{comment .Name}}.
#ifdef ESP32
constexpr double kFull = 4095;
#else
constexpr double kFull = 1023;
#endif
void measure() { Tendril.write({{.Constant}}, {{.Scaled}}); }
{{- end}}

void setup() {
  Serial.begin(115200);
{{- if .Output}}
  pinMode(kOutput, OUTPUT);
{{- end}}
{{- if .Input}}
  Tendril.every(5000, measure);
{{- end}}

  tendril::Product device = product();
  device.firmwareVersion = "0.1.0";  // raise it with every release

  tendril::Wiring board = wiring();
  board.button = 0;  // GPIO; most boards call it FLASH or BOOT
  board.light = 2;   // GPIO; the light on most boards
#ifdef ESP32
  board.lightIsLow = false;  // most ESP32 boards' light is lit by a high level
#endif
  Tendril.begin(device, board);
}

void loop() { Tendril.run(); }
