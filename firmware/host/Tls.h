// TLS by BearSSL, which the ESP8266's core carries too: the server must show a
// certificate for the host, valid today, that one of the roots vouches for.
#pragma once

#include <bearssl.h>

#include <memory>
#include <string>
#include <vector>

#include "Tendril/Port.h"

namespace host {

// The certificates of a PEM file, as trust anchors.
class Roots {
 public:
  // Throws UsageError if the file can't be read or holds none.
  explicit Roots(const std::string& path);

  const br_x509_trust_anchor* anchors() const { return anchors_.data(); }
  size_t count() const { return anchors_.size(); }

 private:
  void add(const std::vector<uint8_t>& der);
  uint8_t* keep(const void* data, size_t size);

  std::vector<br_x509_trust_anchor> anchors_;
  std::vector<std::unique_ptr<uint8_t[]>> bytes_;  // what the anchors point to
};

// A client over a socket that doesn't block. A session is resumed with the server
// that it was made with.
class Tls {
 public:
  explicit Tls(const Roots* roots) : roots_(roots) {}

  void begin(const std::string& host, uint16_t port);
  tendril::Progress handshake(int socket, tendril::Code& why);
  // As tendril::Connection's.
  int read(int socket, void* into, size_t size);
  int write(int socket, const void* data, size_t size);
  bool wantsToSend() const;
  void end(int socket);

 private:
  // Moves records both ways until nothing more can be done without waiting. False
  // once the connection is over.
  bool pump(int socket);

  const Roots* roots_;
  br_ssl_client_context client_{};
  br_x509_minimal_context x509_{};
  uint8_t buffer_[BR_SSL_BUFSIZE_BIDI];
  std::string server_;  // of session_
  br_ssl_session_parameters session_{};
  bool over_ = false;
};

}  // namespace host
