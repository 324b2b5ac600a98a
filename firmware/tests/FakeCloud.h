// A connection to a cloud that a test plays, on a network as slow and as torn as it
// likes.
#pragma once

#include <Tendril/Link/Link.h>

#include <string>

class FakeCloud : public tendril::Connection {
 public:
  void beginResolve(tendril::Text name) override { resolved.assign(name.data, name.size); }
  tendril::Progress resolve(tendril::Code&) override { return resolves; }
  void beginConnect(tendril::Text name, uint16_t port, bool tls) override {
    connected = (tls ? "tls " : "tcp ") + std::string(name.data, name.size) + " " + std::to_string(port);
    closed = false;
  }
  tendril::Progress connect(tendril::Code&) override { return connects; }
  int read(void* into, size_t size) override {
    if (closed) return -1;
    size_t n = toDevice.size() < size ? toDevice.size() : size;
    if (n > chunk) n = chunk;
    if (n == 0) return hungUp ? -1 : 0;
    memcpy(into, toDevice.data(), n);
    toDevice.erase(0, n);
    return static_cast<int>(n);
  }
  int write(const void* data, size_t size) override {
    if (closed || (hungUp && refuses)) return -1;
    const size_t n = size < takes ? size : takes;
    fromDevice.append(static_cast<const char*>(data), n);
    if (takes != kAll) takes -= n;
    return static_cast<int>(n);
  }
  void close() override { closed = true; }

  static constexpr size_t kAll = ~size_t{0};
  std::string toDevice;
  std::string fromDevice;
  size_t chunk = kAll;   // what one read gives at most
  size_t takes = kAll;   // how many more bytes the network takes
  bool hungUp = false;   // the cloud: after what is in toDevice the connection is over
  bool refuses = false;  // and takes nothing
  bool closed = false;   // the device

  tendril::Progress resolves = tendril::Progress::Done;
  tendril::Progress connects = tendril::Progress::Done;
  std::string resolved;
  std::string connected;
};

// A frame of fields that are joined by NUL already.
inline std::string frame(tendril::Command command, uint16_t id, const std::string& body) {
  uint8_t header[tendril::kFrameHeader];
  tendril::FrameHeader h;
  h.command = command;
  h.id = id;
  h.length = static_cast<uint16_t>(body.size());
  tendril::putHeader(header, h);
  return std::string(reinterpret_cast<const char*>(header), sizeof header) + body;
}

inline std::string response(uint16_t id, uint16_t status) {
  std::string f = frame(tendril::Command::Response, id, "");
  f[3] = static_cast<char>(status >> 8);
  f[4] = static_cast<char>(status);
  return f;
}

// Fields joined by NUL, written with bars between them.
inline std::string fields(std::string body) {
  for (char& c : body) {
    if (c == '|') c = '\0';
  }
  return body;
}
