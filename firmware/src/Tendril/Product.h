// What is the same in every unit of a product, compiled in. `tendril firmware new`
// writes it; all texts are literals, or live as long as the program.
#pragma once

#include "Text.h"

namespace tendril {

struct Product {
  Text templateId;  // TMPL and more; the cloud and its wizards know the product by it
  Text name;
  Text vendor = "Tendril";  // begins the setup network's name
  bool unitSuffix = true;   // the setup network's name ends in 4 characters of the unit's own
  Text board;               // as in "ESP8266"
  Text firmwareVersion = "0.1.0";
  Text build;  // tells images of one version apart; empty: the version again

  // The cloud, for a configuration that names none. Without a host such a
  // configuration is refused.
  Text host;
  uint16_t port = 80;
  uint16_t tlsPort = 443;
  bool tls = true;

  // What updates over the air are taken with less than TLS, where the cloud is reached by
  // it, or without a digest that the image is held to.
  bool updatesByHttp = false;
  bool updatesWithoutDigest = false;

  // The pages that may use the portal beside its own, as "https://wizard.example".
  const char* const* wizardOrigins = nullptr;
  uint8_t wizardOriginCount = 0;
  // Of the setup network, 8 to 63 bytes, as on the unit's label; empty: it is open.
  Text setupPassphrase;

  // A unit that the factory has given its token: a hand-over needs to bring the home
  // network alone. One that brings another token counts, since its wizard waits for
  // just that one to log in.
  Text token;
  // Development: the home network in the sketch, beside host and token. Such a device
  // neither reads nor writes its flash, and has no setup network.
  Text ssid, password;

  bool inDevelopment() const { return !ssid.empty() && !token.empty(); }
};

}  // namespace tendril
