// The setup network, which is a port of this machine, and a second one for DNS.
#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "Tendril/Port.h"

namespace host {

// Where to listen: "HOST:PORT", the host as a name or an address, in brackets if it
// is an IPv6 one. Port 0 is a free one, and the same again each time while it is free.
struct Endpoint {
  std::string host;
  uint16_t port = 0;

  // Throws UsageError if text is none.
  static Endpoint parse(const std::string& flag, const std::string& text);
};

class Sockets : public tendril::SetupSockets {
 public:
  Sockets(Endpoint portal, bool hasNames, Endpoint names) : portal_(std::move(portal)), names_(std::move(names)), hasNames_(hasNames) {}
  ~Sockets() override { close(); }
  Sockets(const Sockets&) = delete;
  Sockets& operator=(const Sockets&) = delete;

  // What is to be waited for.
  void watch(std::vector<pollfd>& into) const;
  // Lets go of clients whose answers have gone out.
  void tidy();
  // As the power goes: nobody hears another byte.
  void die();
  // The portal's URL; empty while it is closed.
  std::string url() const;
  // Why it could not be opened; empty if it could once.
  const std::string& neverOpened() const { return trouble_; }

  bool open() override;
  void close() override;
  tendril::Address address() override;
  uint16_t port() override { return bound_.port; }
  bool accept(uint8_t i) override;
  tendril::Address peer(uint8_t i) override;
  int read(uint8_t i, void* into, size_t size) override;
  int write(uint8_t i, const void* data, size_t size) override;
  void drop(uint8_t i) override;
  size_t readName(void* into, size_t size) override;
  void writeName(const void* data, size_t size) override;

 private:
  // One that is over for the device: it is read to its end, since closing it with
  // something unread would take the answer back.
  struct Leaving {
    int socket;
    int64_t until;
  };

  int listenOn(const Endpoint& at, int type);

  Endpoint portal_, names_;
  bool hasNames_;
  Endpoint bound_;
  std::string trouble_;
  bool opened_ = false;
  int listener_ = -1;
  int questions_ = -1;
  int clients_[kClients] = {-1, -1, -1, -1};
  tendril::Address peers_[kClients];
  std::vector<Leaving> leaving_;
  sockaddr_storage asker_{};
  socklen_t askerSize_ = 0;
};

}  // namespace host
