#ifdef ESP32

#include "Sockets.h"

#include <WiFi.h>
#include <errno.h>

namespace tendril {
namespace esp32 {

namespace {

// A socket of a kind, bound to a port, that never blocks; -1: there is none.
int bound(int kind, int protocol, uint16_t port) {
  const int s = lwip_socket(AF_INET, kind, protocol);
  if (s < 0) return -1;
  const int on = 1;
  lwip_setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  lwip_fcntl(s, F_SETFL, lwip_fcntl(s, F_GETFL, 0) | O_NONBLOCK);
  struct sockaddr_in at = {};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_ANY);
  if (lwip_bind(s, reinterpret_cast<struct sockaddr*>(&at), sizeof at) == 0) return s;
  lwip_close(s);
  return -1;
}

void closeOne(int& s) {
  if (s >= 0) lwip_close(s);
  s = -1;
}

bool isWaiting() { return errno == EAGAIN || errno == EWOULDBLOCK; }

}  // namespace

bool PortalSockets::open() {
  constexpr int kWaiting = 4;
  server_ = bound(SOCK_STREAM, IPPROTO_TCP, kPort);
  names_ = bound(SOCK_DGRAM, IPPROTO_UDP, kNamePort);
  if (server_ >= 0 && names_ >= 0 && lwip_listen(server_, kWaiting) == 0) return true;
  close();
  return false;
}

void PortalSockets::close() {
  for (int& client : clients_) closeOne(client);
  closeOne(server_);
  closeOne(names_);
}

Address PortalSockets::address() {
  const IPAddress ip = WiFi.softAPIP();
  Address a;
  for (int i = 0; i < 4; i++) a.bytes[i] = ip[i];
  return a;
}

bool PortalSockets::accept(uint8_t i) {
  struct sockaddr_in from = {};
  socklen_t size = sizeof from;
  const int client = lwip_accept(server_, reinterpret_cast<struct sockaddr*>(&from), &size);
  if (client < 0) return false;
  lwip_fcntl(client, F_SETFL, lwip_fcntl(client, F_GETFL, 0) | O_NONBLOCK);
  const int on = 1;
  lwip_setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  memcpy(peers_[i].bytes, &from.sin_addr.s_addr, sizeof peers_[i].bytes);
  clients_[i] = client;
  return true;
}

int PortalSockets::read(uint8_t i, void* into, size_t size) {
  const ssize_t n = lwip_recv(clients_[i], into, size, MSG_DONTWAIT);
  if (n > 0) return static_cast<int>(n);
  return n < 0 && isWaiting() ? 0 : -1;
}

int PortalSockets::write(uint8_t i, const void* data, size_t size) {
  const ssize_t n = lwip_send(clients_[i], data, size, MSG_DONTWAIT);
  if (n >= 0) return static_cast<int>(n);
  return isWaiting() ? 0 : -1;
}

void PortalSockets::drop(uint8_t i) {
  if (clients_[i] < 0) return;
  // What lies unread makes lwIP reset the connection, and the answer is lost.
  uint8_t unread[64];
  for (int n = 0; n < 64 && lwip_recv(clients_[i], unread, sizeof unread, MSG_DONTWAIT) > 0; n++) {
  }
  closeOne(clients_[i]);
}

size_t PortalSockets::readName(void* into, size_t size) {
  socklen_t from = sizeof asker_;
  const ssize_t n = lwip_recvfrom(names_, into, size, MSG_DONTWAIT, reinterpret_cast<struct sockaddr*>(&asker_), &from);
  return n > 0 ? static_cast<size_t>(n) : 0;
}

void PortalSockets::writeName(const void* data, size_t size) {
  lwip_sendto(names_, data, size, MSG_DONTWAIT, reinterpret_cast<struct sockaddr*>(&asker_), sizeof asker_);
}

}  // namespace esp32
}  // namespace tendril

#endif
