#ifdef ESP8266

#include "Sockets.h"

#include "Emulation.h"

namespace tendril {
namespace esp8266 {

namespace {

Address toAddress(const IPAddress& ip) {
  Address a;
  for (int i = 0; i < 4; i++) a.bytes[i] = ip[i];
  return a;
}

}  // namespace

bool PortalSockets::open() {
  server_.begin();
  names_.begin(kNamePort);
  return true;
}

void PortalSockets::close() {
  for (uint8_t i = 0; i < kClients; i++) drop(i);
  server_.close();
  names_.stop();
}

Address PortalSockets::address() { return toAddress(WiFi.softAPIP()); }

uint16_t PortalSockets::port() {
#if CORE_MOCK
  return emulation::reachedAt(kPort);
#else
  return kPort;
#endif
}

bool PortalSockets::accept(uint8_t i) {
  if (!server_.hasClient()) return false;
  clients_[i] = server_.accept();
  clients_[i].setNoDelay(true);
  return true;
}

Address PortalSockets::peer(uint8_t i) { return toAddress(clients_[i].remoteIP()); }

int PortalSockets::read(uint8_t i, void* into, size_t size) {
  if (clients_[i].available() > 0) return clients_[i].read(static_cast<uint8_t*>(into), size);
  return clients_[i].connected() ? 0 : -1;
}

int PortalSockets::write(uint8_t i, const void* data, size_t size) {
  if (!clients_[i].connected()) return -1;
  // What lwIP has no room for would be waited for.
  const size_t room = static_cast<size_t>(clients_[i].availableForWrite());
  if (room == 0) return 0;
  return static_cast<int>(clients_[i].write(static_cast<const uint8_t*>(data), size < room ? size : room));
}

void PortalSockets::drop(uint8_t i) {
  // What lies unread makes lwIP reset the connection, and the answer is lost.
  uint8_t unread[64];
  for (int n = 0; n < 64 && clients_[i].available() > 0; n++) clients_[i].read(unread, sizeof unread);
  clients_[i].stop(1);
  clients_[i] = WiFiClient();
}

size_t PortalSockets::readName(void* into, size_t size) {
  if (names_.parsePacket() <= 0) return 0;
  const int n = names_.read(static_cast<unsigned char*>(into), size);
  return n > 0 ? static_cast<size_t>(n) : 0;
}

void PortalSockets::writeName(const void* data, size_t size) {
  if (!names_.beginPacket(names_.remoteIP(), names_.remotePort())) return;
  names_.write(static_cast<const uint8_t*>(data), size);
  names_.endPacket();
}

}  // namespace esp8266
}  // namespace tendril

#endif
