#include "Connection.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

namespace host {

using tendril::Code;
using tendril::Progress;

void Connection::watch(std::vector<pollfd>& into) const {
  if (socket_ < 0) return;
  const bool sends = !up_ || (secure_ && tls_.wantsToSend());
  into.push_back({socket_, static_cast<short>(POLLIN | (sends ? POLLOUT : 0)), 0});
}

void Connection::beginResolve(tendril::Text host) {
  close();
  host_.assign(host.data, host.size);
  lookup_ = std::make_shared<Lookup>();
  sockaddr_storage address{};
  auto& four = reinterpret_cast<sockaddr_in&>(address);
  auto& six = reinterpret_cast<sockaddr_in6&>(address);
  if (::inet_pton(AF_INET, host_.c_str(), &four.sin_addr) == 1) {
    address.ss_family = AF_INET;
  } else if (::inet_pton(AF_INET6, host_.c_str(), &six.sin6_addr) == 1) {
    address.ss_family = AF_INET6;
  }
  if (address.ss_family != 0) {
    lookup_->found.push_back(address);
    lookup_->done = true;
    return;
  }
  const auto& network = radio_.network();
  if (!network || network->noDns) {
    lookup_->done = true;
    return;
  }
  std::thread([lookup = lookup_, name = host_] {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(name.c_str(), nullptr, &hints, &found) == 0) {
      for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
        sockaddr_storage address{};
        std::memcpy(&address, one->ai_addr, one->ai_addrlen);
        lookup->found.push_back(address);
      }
      ::freeaddrinfo(found);
      // Small devices try IPv4 first, many have nothing else.
      std::stable_partition(lookup->found.begin(), lookup->found.end(), [](const sockaddr_storage& a) { return a.ss_family == AF_INET; });
    }
    lookup->done = true;
  }).detach();
}

Progress Connection::resolve(Code& why) {
  if (!lookup_->done) return Progress::Working;
  why = radio_.network() ? Code::Dns : Code::Join;
  return lookup_->found.empty() || why == Code::Join ? Progress::Failed : Progress::Done;
}

void Connection::beginConnect(tendril::Text host, uint16_t port, bool tls) {
  host_.assign(host.data, host.size);
  port_ = port;
  secure_ = tls;
  next_ = 0;
  if (radio_.network()) dial();
  cuts_ = radio_.cuts();
}

// Begins with the next address; false when none is left.
bool Connection::dial() {
  while (lookup_ && next_ < lookup_->found.size()) {
    if (socket_ >= 0) ::close(socket_);
    sockaddr_storage to = lookup_->found[next_++];
    const bool six = to.ss_family == AF_INET6;
    (six ? reinterpret_cast<sockaddr_in6&>(to).sin6_port : reinterpret_cast<sockaddr_in&>(to).sin_port) = htons(port_);
    socket_ = ::socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const auto size = static_cast<socklen_t>(six ? sizeof(sockaddr_in6) : sizeof(sockaddr_in));
    if (socket_ >= 0 && (::connect(socket_, reinterpret_cast<sockaddr*>(&to), size) == 0 || errno == EINPROGRESS)) return true;
  }
  return false;
}

Progress Connection::connect(Code& why) {
  const auto& network = radio_.network();
  why = Code::Cloud;
  if (!network) {
    why = Code::Join;
    return Progress::Failed;
  }
  if (!network->leadsOut()) {
    why = Code::CaptivePortal;  // which stands for a network without internet, too
    return Progress::Failed;
  }
  if (socket_ < 0 || cut()) return Progress::Failed;
  if (!up_) {
    pollfd ready{socket_, POLLOUT, 0};
    if (::poll(&ready, 1, 0) == 0) return Progress::Working;
    int failed = 0;
    socklen_t size = sizeof failed;
    ::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &failed, &size);
    if (failed != 0) return dial() ? Progress::Working : Progress::Failed;
    up_ = true;
    if (!secure_) return Progress::Done;
    tls_.begin(host_, port_);
  }
  return tls_.handshake(socket_, why);
}

int Connection::read(void* into, size_t size) {
  if (!up_ || cut()) return -1;
  if (secure_) return tls_.read(socket_, into, size);
  const ssize_t n = ::recv(socket_, into, size, 0);
  if (n > 0) return static_cast<int>(n);
  return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

int Connection::write(const void* data, size_t size) {
  if (!up_ || cut()) return -1;
  if (secure_) return tls_.write(socket_, data, size);
  const ssize_t n = ::send(socket_, data, size, MSG_NOSIGNAL);
  if (n >= 0) return static_cast<int>(n);
  return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

void Connection::close() {
  if (socket_ >= 0) {
    if (up_ && secure_) tls_.end(socket_);
    ::close(socket_);
  }
  socket_ = -1;
  up_ = false;
}

}  // namespace host
