#pragma once

#include <WiFiClient.h>

class WiFiServer {
 public:
  WiFiServer(uint16_t port = 23);
  WiFiClient accept();
  bool hasClient();
  void begin();
  void close();
};
