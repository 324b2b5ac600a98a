#include "Sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "Options.h"

namespace host {
namespace {

// Who waits to be taken: more than a browser or a rude client opens at once.
constexpr int kBacklog = 64;
constexpr int64_t kLeaveTime = 2000;

int64_t monotonic() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// 0 for none at present, -1 for the end.
int outcome(ssize_t n, bool reading) {
  if (n > 0) return static_cast<int>(n);
  if (n == 0 && reading) return -1;
  return n == 0 || errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
}

tendril::Address addressOf(const sockaddr_storage& from) {
  tendril::Address address;
  if (from.ss_family == AF_INET) {
    std::memcpy(address.bytes, &reinterpret_cast<const sockaddr_in&>(from).sin_addr, 4);
  } else if (from.ss_family == AF_INET6) {
    // The last bytes tell phones apart, and are the address of one that is mapped.
    std::memcpy(address.bytes, reinterpret_cast<const sockaddr_in6&>(from).sin6_addr.s6_addr + 12, 4);
  }
  return address;
}

}  // namespace

Endpoint Endpoint::parse(const std::string& flag, const std::string& text) {
  const size_t colon = text.rfind(':');
  Endpoint at;
  char* end = nullptr;
  const unsigned long port = colon == std::string::npos ? 0 : std::strtoul(text.c_str() + colon + 1, &end, 10);
  if (end == nullptr || *end != 0 || end == text.c_str() + colon + 1 || port > 65535) {
    throw UsageError("--" + flag + " is \"" + text + "\". Write HOST:PORT, as in 127.0.0.1:8081");
  }
  at.host = text.substr(0, colon);
  if (at.host.size() >= 2 && at.host.front() == '[' && at.host.back() == ']') at.host = at.host.substr(1, at.host.size() - 2);
  at.port = static_cast<uint16_t>(port);
  return at;
}

int Sockets::listenOn(const Endpoint& at, int type) {
  addrinfo hints{};
  hints.ai_family = at.host.empty() ? AF_INET : AF_UNSPEC;
  hints.ai_socktype = type;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(at.host.empty() ? nullptr : at.host.c_str(), std::to_string(at.port).c_str(), &hints, &found);
  if (failed != 0) {
    trouble_ = at.host + ": " + ::gai_strerror(failed);
    return -1;
  }
  const int s = ::socket(found->ai_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const bool bound = s >= 0 && ::bind(s, found->ai_addr, found->ai_addrlen) == 0 && (type != SOCK_STREAM || ::listen(s, kBacklog) == 0);
  const int why = errno;
  ::freeaddrinfo(found);
  if (bound) return s;
  trouble_ = "listening on " + at.host + ":" + std::to_string(at.port) + ": " + std::strerror(why);
  if (s >= 0) ::close(s);
  return -1;
}

bool Sockets::open() {
  close();
  const bool again = portal_.port == 0 && bound_.port != 0;
  if (again) listener_ = listenOn(bound_, SOCK_STREAM);
  if (listener_ < 0) listener_ = listenOn(portal_, SOCK_STREAM);
  if (listener_ >= 0 && hasNames_) {
    questions_ = listenOn(names_, SOCK_DGRAM);
    if (questions_ < 0) {
      ::close(listener_);
      listener_ = -1;
    }
  }
  if (listener_ < 0) return false;
  sockaddr_storage at{};
  socklen_t size = sizeof at;
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
  bound_.host = portal_.host;
  bound_.port = ntohs(at.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(at).sin6_port : reinterpret_cast<sockaddr_in&>(at).sin_port);
  trouble_.clear();
  opened_ = true;
  return true;
}

void Sockets::close() {
  for (uint8_t i = 0; i < kClients; i++) drop(i);
  // The network is gone, and everybody on it: nobody is waited for.
  for (const Leaving& one : leaving_) ::close(one.socket);
  leaving_.clear();
  for (int* s : {&listener_, &questions_}) {
    if (*s >= 0) ::close(*s);
    *s = -1;
  }
}

void Sockets::die() {
  const linger now{1, 0};
  for (const int s : clients_) {
    if (s >= 0) ::setsockopt(s, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  close();
}

std::string Sockets::url() const {
  if (listener_ < 0) return "";
  const bool six = bound_.host.find(':') != std::string::npos;
  return "http://" + (six ? "[" + bound_.host + "]" : bound_.host) + ":" + std::to_string(bound_.port);
}

tendril::Address Sockets::address() {
  tendril::Address at;
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (listener_ >= 0 && ::getsockname(listener_, reinterpret_cast<sockaddr*>(&bound), &size) == 0 && bound.ss_family == AF_INET) at = addressOf(bound);
  // Where it listens on all addresses, or on none that phones know, the portal is
  // where a device's always is.
  if (at.isNone()) at = tendril::Address{{192, 168, 4, 1}};
  return at;
}

void Sockets::watch(std::vector<pollfd>& into) const {
  bool room = false;
  for (const int s : clients_) {
    room = room || s < 0;
    if (s >= 0) into.push_back({s, POLLIN, 0});
  }
  if (listener_ >= 0 && room) into.push_back({listener_, POLLIN, 0});
  if (questions_ >= 0) into.push_back({questions_, POLLIN, 0});
}

void Sockets::tidy() {
  char rest[4096];
  for (size_t i = 0; i < leaving_.size();) {
    int n = 0;
    do {
      n = outcome(::recv(leaving_[i].socket, rest, sizeof rest, 0), true);
    } while (n > 0);
    if (n < 0 || monotonic() > leaving_[i].until) {
      ::close(leaving_[i].socket);
      leaving_.erase(leaving_.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      i++;
    }
  }
}

bool Sockets::accept(uint8_t i) {
  if (listener_ < 0 || clients_[i] >= 0) return false;
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  const int s = ::accept4(listener_, reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (s < 0) return false;
  const int on = 1;
  ::setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  clients_[i] = s;
  peers_[i] = addressOf(from);
  return true;
}

tendril::Address Sockets::peer(uint8_t i) { return peers_[i]; }

int Sockets::read(uint8_t i, void* into, size_t size) {
  return clients_[i] < 0 ? -1 : outcome(::recv(clients_[i], into, size, 0), true);
}

int Sockets::write(uint8_t i, const void* data, size_t size) {
  return clients_[i] < 0 ? -1 : outcome(::send(clients_[i], data, size, MSG_NOSIGNAL), false);
}

void Sockets::drop(uint8_t i) {
  if (clients_[i] < 0) return;
  ::shutdown(clients_[i], SHUT_WR);
  leaving_.push_back({clients_[i], monotonic() + kLeaveTime});
  clients_[i] = -1;
}

size_t Sockets::readName(void* into, size_t size) {
  if (questions_ < 0) return 0;
  askerSize_ = sizeof asker_;
  // With MSG_TRUNC the size is the message's own: one that is too long is none.
  const ssize_t n = ::recvfrom(questions_, into, size, MSG_TRUNC, reinterpret_cast<sockaddr*>(&asker_), &askerSize_);
  return n > 0 && static_cast<size_t>(n) <= size ? static_cast<size_t>(n) : 0;
}

void Sockets::writeName(const void* data, size_t size) {
  if (questions_ >= 0) ::sendto(questions_, data, size, MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&asker_), askerSize_);
}

}  // namespace host
