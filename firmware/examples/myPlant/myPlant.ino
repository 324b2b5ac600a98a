// A plant with a sensor in its soil, on A0, and a pump, on GPIO 5.
//
// `tendril firmware new` makes a project like this with all of a product's data in it.

#include <Tendril.h>

constexpr uint8_t moisture = V0, pump = V1;
constexpr uint8_t kPump = 5;

TENDRIL_WRITE(pump) { digitalWrite(kPump, param.asInt() ? HIGH : LOW); }

void measure() { Tendril.write(moisture, analogRead(A0) / 10.24); }

void setup() {
  Serial.begin(115200);
  pinMode(kPump, OUTPUT);
  Tendril.every(5000, measure);

  tendril::Product product;
  product.templateId = "TMPLxxxxxxxx";  // as `tendril product list` shows it
  product.name = "myPlant";
  product.vendor = "Blynk";
  product.board = "NodeMCU";
  product.host = "cloud.example.org";
  product.port = 8080;
  product.tls = false;  // `tendril firmware new` brings the certificate for it

  tendril::Wiring wiring;  // the button on GPIO 0, the light on GPIO 2
  Tendril.begin(product, wiring);
}

void loop() { Tendril.run(); }
