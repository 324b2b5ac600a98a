#pragma once

#include <WiFiClient.h>
#include <bearssl/bearssl.h>

namespace BearSSL {

class X509List {
 public:
  X509List(const char* pemCert);
  ~X509List();
};

class Session {
 public:
  Session();
};

class WiFiClientSecureCtx : public WiFiClient {
 public:
  WiFiClientSecureCtx();
  ~WiFiClientSecureCtx() override;
  int connect(const char* name, uint16_t port) override;
  uint8_t connected() override;
  size_t write(const uint8_t* buf, size_t size) override;
  int read(uint8_t* buf, size_t size) override;
  int available() override;
  bool stop(unsigned int maxWaitMs);
  void setSession(Session* session);
  void setInsecure();
  void setTrustAnchors(const X509List* ta);
  void setX509Time(time_t now);
  void setBufferSizes(int recv, int xmit);
  int getLastSSLError(char* dest = NULL, size_t len = 0);
};

}  // namespace BearSSL
