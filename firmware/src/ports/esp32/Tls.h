// TLS over a socket, by mbedTLS, without waiting.
#pragma once
#ifdef ESP32

#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include <time.h>

#include "../../Tendril/Port.h"

namespace tendril {
namespace esp32 {

struct Tls {
  // The socket is connected; now is the time that certificates must be valid at. With
  // no roots nobody is checked.
  Tls(int socket, const char* host, const char* roots, time_t now);
  ~Tls();
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

  Progress handshake(Code& why);
  int read(void* into, size_t size);
  // What wasn't taken is to be handed over again, first of all.
  int write(const void* data, size_t size);
  // Says goodbye, as far as the socket takes it.
  void end();

 private:
  static int send(void* socket, const unsigned char* data, size_t size);
  static int receive(void* socket, unsigned char* into, size_t size);
  static int random(void*, unsigned char* into, size_t size);
  static int checkDates(void* self, mbedtls_x509_crt* certificate, int depth, uint32_t* flags);

  int socket_;
  int prepared_;  // mbedTLS's error, or 0
  time_t now_;
  size_t held_ = 0;  // bytes of a write that mbedTLS has, and the socket not yet
  mbedtls_x509_crt roots_;
  mbedtls_ssl_config settings_;
  mbedtls_ssl_context tls_;
};

}  // namespace esp32
}  // namespace tendril

#endif
