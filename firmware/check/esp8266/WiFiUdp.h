#pragma once

#include <Arduino.h>
#include <IPAddress.h>

class WiFiUDP {
 public:
  WiFiUDP();
  ~WiFiUDP();
  virtual uint8_t begin(uint16_t port);
  virtual void stop();
  virtual int beginPacket(IPAddress ip, uint16_t port);
  virtual int endPacket();
  virtual size_t write(const uint8_t* buffer, size_t size);
  virtual int parsePacket();
  virtual int read(unsigned char* buffer, size_t len);
  virtual IPAddress remoteIP();
  virtual uint16_t remotePort();
};
