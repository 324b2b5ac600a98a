// All that the core needs of a chip. A port is a folder that implements these
// classes; nothing of them blocks: what takes time is begun, and asked after at
// every tick until it has an end. The core calls them from one thread and asks for
// one thing of a kind at a time.
#pragma once

#include "Code.h"
#include "Configuration.h"
#include "Time.h"

namespace tendril {

// How far something that was begun has come.
enum class Progress : uint8_t { Working, Done, Failed };

// Two sectors of NOR flash for the store: an erased byte is 0xFF, and writing can
// clear bits only. Offsets and sizes are multiples of 4. False: the flash failed,
// and some of it may be done.
class Flash {
 public:
  virtual ~Flash() = default;
  virtual bool read(uint32_t offset, void* into, size_t size) = 0;
  virtual bool write(uint32_t offset, const void* data, size_t size) = 0;
  virtual bool erase(uint8_t sector) = 0;
};

// A network that a scan has found.
struct Network {
  Field<kMaxSsid> ssid;  // empty where a hidden one doesn't tell
  uint8_t bssid[6] = {};
  int8_t rssi = 0;  // dBm
  uint8_t channel = 0;
  // As the portal names it: OPEN, WEP, WPA, WPA2, WPA+WPA2, WPA3, WPA2+WPA3, WPA2-EAP.
  const char* security = "OPEN";
  bool hidden = false;
};

// The WiFi: a station on the home network, and the setup network.
class Radio {
 public:
  virtual ~Radio() = default;
  // The station's own address.
  virtual void mac(uint8_t into[6]) = 0;

  // Looks for networks without throwing anybody off the setup network.
  virtual void beginScan() = 0;
  virtual Progress scan() = 0;
  // How many were found, in no order; and the i-th, until the next scan.
  virtual uint16_t found() = 0;
  virtual bool foundAt(uint16_t i, Network& into) = 0;

  // Opens the setup network at 192.168.4.1 with DHCP for those who join. An empty
  // passphrase leaves it open to all. False: it could not be opened.
  virtual bool openSetup(Text ssid, Text passphrase) = 0;
  virtual void closeSetup() = 0;

  // Joins the network of a configuration and waits for an address. An encrypted
  // network's password is never given to an open network of its name.
  virtual void beginJoin(const Configuration& configuration) = 0;
  // Failed says why. Associated means that only the address is missing: when that
  // takes too long, there is none (Code::NoAddress).
  virtual Progress join(bool& associated, Code& why) = 0;
  virtual bool joined() = 0;
  virtual Address address() = 0;
  virtual int8_t rssi() = 0;  // of the home network, dBm
  virtual void leave() = 0;
};

// One connection to the cloud, plain or by TLS.
class Connection {
 public:
  virtual ~Connection() = default;
  // Looks the host up; an address is its own answer and needs no DNS.
  virtual void beginResolve(Text host) = 0;
  virtual Progress resolve(Code& why) = 0;
  // Connects to what was resolved. With tls, the server shows a certificate for the
  // host that the port's trust anchors vouch for, or Code::Tls says that it didn't.
  virtual void beginConnect(Text host, uint16_t port, bool tls) = 0;
  virtual Progress connect(Code& why) = 0;
  // How many bytes were read, or taken for sending: 0 for none at present, -1 once
  // the connection is over.
  virtual int read(void* into, size_t size) = 0;
  virtual int write(const void* data, size_t size) = 0;
  virtual void close() = 0;
};

// The sockets of the setup network: the portal's on TCP port 80 and DNS on UDP
// port 53. TCP port 443 stays closed, so that it refuses at once.
class SetupSockets {
 public:
  virtual ~SetupSockets() = default;
  static constexpr uint8_t kClients = 4;

  virtual bool open() = 0;
  virtual void close() = 0;
  // The address and port that clients reach the portal at.
  virtual Address address() = 0;
  virtual uint16_t port() = 0;
  // Takes a waiting client, if there is one, as number i: 0 to kClients - 1, which
  // is free.
  virtual bool accept(uint8_t i) = 0;
  virtual Address peer(uint8_t i) = 0;
  virtual int read(uint8_t i, void* into, size_t size) = 0;
  virtual int write(uint8_t i, const void* data, size_t size) = 0;
  // Ends client i: what was written still goes out.
  virtual void drop(uint8_t i) = 0;
  // A DNS question, 0 if there is none; an answer goes to whoever asked last.
  virtual size_t readName(void* into, size_t size) = 0;
  virtual void writeName(const void* data, size_t size) = 0;
};

// Where the next program goes, beside the one that runs.
class Updater {
 public:
  virtual ~Updater() = default;
  // Makes room for an image of so many bytes. False: it doesn't fit.
  virtual bool begin(uint32_t size) = 0;
  virtual bool write(const uint8_t* data, size_t size) = 0;
  // The MD5 (RFC 1321) of all that was written; nothing is written after it.
  virtual void md5(uint8_t into[16]) = 0;
  // From the next start on the image runs. False: it is none that can, and nothing has
  // changed.
  virtual bool commit() = 0;
  // Forgets what was written. The program that runs was never touched.
  virtual void abort() = 0;
};

// The rest of the board.
class Board {
 public:
  virtual ~Board() = default;
  virtual uint32_t random() = 0;
  // Starts the program anew; may return, in which case the tick ends.
  virtual void restart() = 0;
  // Why the program started, as in "power", "restart", "watchdog", "exception".
  virtual const char* resetReason() = 0;
  virtual bool buttonHeld() = 0;
  virtual void light(uint8_t level) = 0;  // 0: dark; 255: brightest
  // PBKDF2 with HMAC-SHA-256 (RFC 8018, 5.2), at most 32 bytes.
  virtual void pbkdf2(Text password, Text salt, uint16_t rounds, uint8_t* into, size_t size) = 0;
  // One line for the serial console; never a secret.
  virtual void log(Text line) = 0;
  // The next byte that was typed at the serial console; -1 if there is none.
  virtual int input() { return -1; }
};

class EdgentMemory;

struct Port {
  Flash& flash;
  Radio& radio;
  Connection& connection;
  SetupSockets& sockets;
  Board& board;
  EdgentMemory* edgent = nullptr;  // where Edgent may have kept a configuration
  Updater* updater = nullptr;      // none: updates over the air are refused
};

}  // namespace tendril
