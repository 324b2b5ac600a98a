#ifdef ESP8266

#include "Connection.h"

#include <new>

namespace tendril {
namespace esp8266 {

namespace {

// BearSSL's errors of certificates: above BR_ERR_X509_OK, all of them.
bool isCertificate(int error) { return error > BR_ERR_X509_OK && error <= BR_ERR_X509_NOT_TRUSTED; }

// Whose questions lwIP answers: there is one connection.
CloudConnection* asking;

}  // namespace

void CloudConnection::onName(const char*, const ip_addr_t* address, void* lookup) {
  CloudConnection* self = asking;
  if (!self || reinterpret_cast<uintptr_t>(lookup) != self->question_) return;
  if (address) self->resolved_ = *address;
  self->lookup_ = address ? Progress::Done : Progress::Failed;
}

void CloudConnection::beginResolve(Text host) {
  lookup_ = Progress::Failed;
  asking = this;
  question_++;
  if (!host_.set(host)) return;
  if (!clockAsked_) {
    clockAsked_ = true;
    configTime(0, 0, wiring_.timeServer);
  }
  lookup_ = Progress::Working;
  const err_t result = dns_gethostbyname(host_.c_str(), &resolved_, onName, reinterpret_cast<void*>(static_cast<uintptr_t>(question_)));
  if (result == ERR_OK) {
    lookup_ = Progress::Done;
  } else if (result != ERR_INPROGRESS) {
    lookup_ = Progress::Failed;
  }
}

Progress CloudConnection::resolve(Code& why) {
  const Progress progress = lookup_;
  if (progress == Progress::Failed) why = Code::Dns;
  return progress;
}

void CloudConnection::beginConnect(Text host, uint16_t port, bool tls) {
  close();
  host_.set(host);
  port_ = port;
  tls_ = tls;
  began_ = uptime();
}

Progress CloudConnection::connect(Code& why) {
  why = Code::Cloud;
  if (!tls_) {
    plain_.setTimeout(kConnectMillis);
    if (!plain_.connect(IPAddress(resolved_), port_)) return Progress::Failed;
    plain_.setNoDelay(true);
    return Progress::Done;
  }
  if (!clockIsSet() && elapsed(uptime(), began_) < kClockMillis) return Progress::Working;
  return openSecure(why) ? Progress::Done : Progress::Failed;
}

bool CloudConnection::openSecure(Code& why) {
  if (!roots_ && !wiring_.trustAnybody) roots_ = new BearSSL::X509List(wiring_.roots);
  secure_ = new (room_) Secure();
  if (wiring_.trustAnybody) {
    secure_->setInsecure();
  } else {
    secure_->setTrustAnchors(roots_);
    // Certificates are never taken for valid before this program was built.
    secure_->setX509Time(clockIsSet() ? time(nullptr) : static_cast<time_t>(wiring_.builtAt));
  }
  secure_->setBufferSizes(kTlsReceive, kTlsSend);
  secure_->setSession(&session_);
  secure_->setTimeout(kConnectMillis);
  // By name, which the certificate is checked for; lwIP has just looked it up.
  if (secure_->connect(host_.c_str(), port_)) {
    secure_->setNoDelay(true);
    return true;
  }
  const int error = secure_->getLastSSLError();
  why = isCertificate(error) ? Code::Tls : error > 0 ? Code::CloudOther : Code::Cloud;
  close();
  return false;
}

int CloudConnection::read(void* into, size_t size) {
  if (secure_) return secure_->read(static_cast<uint8_t*>(into), size);
  if (plain_.available() > 0) return plain_.read(static_cast<uint8_t*>(into), size);
  return plain_.connected() ? 0 : -1;
}

int CloudConnection::write(const void* data, size_t size) {
  WiFiClient& client = secure_ ? static_cast<WiFiClient&>(*secure_) : plain_;
  if (!client.connected()) return -1;
  // What lwIP has no room for would be waited for.
  constexpr int kTlsOverhead = 85;
  const int room = static_cast<int>(client.availableForWrite()) - (secure_ ? kTlsOverhead : 0);
  if (room <= 0) return 0;
  const size_t some = size < static_cast<size_t>(room) ? size : static_cast<size_t>(room);
  const size_t taken = client.write(static_cast<const uint8_t*>(data), some);
  return taken > 0 || client.connected() ? static_cast<int>(taken) : -1;
}

void CloudConnection::close() {
  // A millisecond, not the core's 300: what was written goes out all the same.
  constexpr unsigned kWaitMillis = 1;
  if (secure_) {
    secure_->stop(kWaitMillis);
    secure_->~Secure();
    secure_ = nullptr;
  }
  plain_.stop(kWaitMillis);
}

}  // namespace esp8266
}  // namespace tendril

#endif
