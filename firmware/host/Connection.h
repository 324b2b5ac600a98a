// The way to the cloud: this machine's own network, as far as the air lets it.
#pragma once

#include <netinet/in.h>
#include <poll.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "Radio.h"
#include "Tls.h"

namespace host {

class Connection : public tendril::Connection {
 public:
  // Without roots there is no TLS.
  Connection(Radio& radio, const Roots* roots) : radio_(radio), tls_(roots) {}
  ~Connection() override { close(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void watch(std::vector<pollfd>& into) const;

  void beginResolve(tendril::Text host) override;
  tendril::Progress resolve(tendril::Code& why) override;
  void beginConnect(tendril::Text host, uint16_t port, bool tls) override;
  tendril::Progress connect(tendril::Code& why) override;
  int read(void* into, size_t size) override;
  int write(const void* data, size_t size) override;
  void close() override;

 private:
  // What a thread looks up, since the C library's resolver blocks. It may outlive
  // whoever asked.
  struct Lookup {
    std::atomic<bool> done{false};
    std::vector<sockaddr_storage> found;
  };

  bool cut() const { return !radio_.leadsOut() || radio_.cuts() != cuts_; }
  bool dial();

  Radio& radio_;
  Tls tls_;
  std::shared_ptr<Lookup> lookup_;
  size_t next_ = 0;  // of the addresses to try
  std::string host_;
  uint16_t port_ = 0;
  bool secure_ = false;
  bool up_ = false;  // TCP is
  int socket_ = -1;
  uint32_t cuts_ = 0;  // the radio's, when this was connected
};

}  // namespace host
