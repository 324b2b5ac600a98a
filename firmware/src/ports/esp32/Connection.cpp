#ifdef ESP32

#include "Connection.h"

#include <Arduino.h>
#include <errno.h>
#include <esp_netif.h>
#include <lwip/sockets.h>

#include <new>

#include "Tls.h"

namespace tendril {
namespace esp32 {

namespace {

// Whose questions lwIP answers: there is one connection.
CloudConnection* asking;

}  // namespace

void CloudConnection::onName(const char*, const ip_addr_t* address, void* question) {
  CloudConnection* self = asking;
  if (!self || reinterpret_cast<uintptr_t>(question) != self->question_) return;
  const uint32_t found = address ? ip_addr_get_ip4_u32(address) : 0;
  self->resolved_ = found;
  self->lookup_ = found != 0 ? Progress::Done : Progress::Failed;
}

// Runs in lwIP's task, whose functions these are.
int CloudConnection::ask(void* pointer) {
  auto* self = static_cast<CloudConnection*>(pointer);
  void* question = reinterpret_cast<void*>(static_cast<uintptr_t>(self->question_.load()));
  ip_addr_t address;
  const err_t result = dns_gethostbyname(self->host_.c_str(), &address, onName, question);
  if (result == ERR_OK) {
    onName(nullptr, &address, question);
  } else if (result != ERR_INPROGRESS) {
    onName(nullptr, nullptr, question);
  }
  return ESP_OK;
}

void CloudConnection::beginResolve(Text host) {
  asking = this;
  question_++;
  lookup_ = Progress::Failed;
  if (!host_.set(host)) return;
  if (!clockAsked_) {
    clockAsked_ = true;
    configTime(0, 0, wiring_.timeServer);
  }
  lookup_ = Progress::Working;
  if (esp_netif_tcpip_exec(ask, this) != ESP_OK) lookup_ = Progress::Failed;
}

Progress CloudConnection::resolve(Code& why) {
  const Progress progress = lookup_;
  if (progress == Progress::Failed) why = Code::Dns;
  return progress;
}

void CloudConnection::beginConnect(Text host, uint16_t port, bool tls) {
  close();
  port_ = port;
  tls_ = tls;
  began_ = uptime();
  step_ = host_.set(host) ? Step::Clock : Step::Failed;
}

Progress CloudConnection::connect(Code& why) {
  why = Code::Cloud;
  if (step_ == Step::Clock) {
    if (tls_ && !clockIsSet() && elapsed(uptime(), began_) < kClockMillis) return Progress::Working;
    step_ = openSocket() ? Step::Tcp : Step::Failed;
  }
  if (step_ == Step::Tcp) {
    const Progress progress = connectSocket(why);
    if (progress != Progress::Done) return progress;
    step_ = tls_ ? Step::Handshake : Step::Open;
    if (tls_) {
      // Certificates are never taken for valid before this program was built.
      const time_t now = clockIsSet() ? time(nullptr) : static_cast<time_t>(wiring_.builtAt);
      secure_ = new (std::nothrow) Tls(socket_, host_.c_str(), wiring_.trustAnybody ? nullptr : wiring_.roots, now);
    }
  }
  if (step_ == Step::Handshake) {
    const Progress progress = secure_ ? secure_->handshake(why) : Progress::Failed;
    if (progress != Progress::Done) return progress;
    step_ = Step::Open;
  }
  return step_ == Step::Open ? Progress::Done : Progress::Failed;
}

bool CloudConnection::openSocket() {
  socket_ = lwip_socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
  if (socket_ < 0) return false;
  lwip_fcntl(socket_, F_SETFL, lwip_fcntl(socket_, F_GETFL, 0) | O_NONBLOCK);
  const int on = 1;
  lwip_setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_port = htons(port_);
  to.sin_addr.s_addr = resolved_;
  return lwip_connect(socket_, reinterpret_cast<struct sockaddr*>(&to), sizeof to) == 0 || errno == EINPROGRESS;
}

Progress CloudConnection::connectSocket(Code& why) {
  fd_set writable;
  FD_ZERO(&writable);
  FD_SET(socket_, &writable);
  struct timeval none = {};
  const int ready = lwip_select(socket_ + 1, nullptr, &writable, nullptr, &none);
  if (ready == 0) return Progress::Working;
  int error = 0;
  socklen_t size = sizeof error;
  if (ready > 0 && lwip_getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0) return Progress::Done;
  why = Code::Cloud;
  return Progress::Failed;
}

int CloudConnection::read(void* into, size_t size) {
  if (step_ != Step::Open) return -1;
  if (secure_) return secure_->read(into, size);
  const ssize_t n = lwip_recv(socket_, into, size, MSG_DONTWAIT);
  if (n > 0) return static_cast<int>(n);
  return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : -1;
}

int CloudConnection::write(const void* data, size_t size) {
  if (step_ != Step::Open) return -1;
  if (secure_) return secure_->write(data, size);
  const ssize_t n = lwip_send(socket_, data, size, MSG_DONTWAIT);
  if (n >= 0) return static_cast<int>(n);
  return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
}

void CloudConnection::close() {
  if (secure_) {
    if (step_ == Step::Open) secure_->end();
    delete secure_;
    secure_ = nullptr;
  }
  if (socket_ >= 0) lwip_close(socket_);
  socket_ = -1;
  step_ = Step::Failed;
}

}  // namespace esp32
}  // namespace tendril

#endif
