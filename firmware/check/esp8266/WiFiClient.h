#pragma once

#include <Arduino.h>
#include <IPAddress.h>

class ClientContext;

class WiFiClient : public Stream {
 public:
  WiFiClient();
  ~WiFiClient() override;
  WiFiClient(const WiFiClient&);
  WiFiClient& operator=(const WiFiClient&);

  virtual int connect(IPAddress ip, uint16_t port);
  virtual int connect(const char* host, uint16_t port);
  size_t write(uint8_t) override;
  size_t write(const uint8_t* buf, size_t size) override;
  int available() override;
  int read() override;
  virtual int read(uint8_t* buf, size_t size);
  bool stop(unsigned int maxWaitMs);
  virtual void stop();
  virtual uint8_t connected();
  int availableForWrite() override;
  IPAddress remoteIP();
  void setNoDelay(bool nodelay);
};
