#include "Tls.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>

#include "Options.h"

namespace host {
namespace {

using tendril::Code;
using tendril::Progress;

void append(void* into, const void* data, size_t size) {
  auto& bytes = *static_cast<std::vector<uint8_t>*>(into);
  const auto* from = static_cast<const uint8_t*>(data);
  bytes.insert(bytes.end(), from, from + size);
}

// From BearSSL's errors to the device's codes, as the virtual device has them.
Code codeOf(int error) {
  if (error >= BR_ERR_X509_OK && error <= BR_ERR_X509_NOT_TRUSTED) return Code::Tls;
  // An alert, or what answers speaks no TLS that this device knows.
  return error == BR_ERR_OK || error == BR_ERR_IO ? Code::Cloud : Code::CloudOther;
}

}  // namespace

Roots::Roots(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw UsageError("--ca " + path + " can't be read. Give the ca.pem of the cloud's data directory");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  br_pem_decoder_context decoder;
  br_pem_decoder_init(&decoder);
  std::vector<uint8_t> der;
  bool inside = false;
  for (size_t at = 0; at < text.size();) {
    at += br_pem_decoder_push(&decoder, text.data() + at, text.size() - at);
    switch (br_pem_decoder_event(&decoder)) {
      case BR_PEM_BEGIN_OBJ:
        inside = std::strcmp(br_pem_decoder_name(&decoder), "CERTIFICATE") == 0;
        der.clear();
        br_pem_decoder_setdest(&decoder, inside ? append : nullptr, &der);
        break;
      case BR_PEM_END_OBJ:
        if (inside) add(der);
        break;
      default:
        break;
    }
  }
  if (anchors_.empty()) throw UsageError("--ca " + path + " holds no certificate in PEM. Give the ca.pem of the cloud's data directory");
}

uint8_t* Roots::keep(const void* data, size_t size) {
  bytes_.emplace_back(new uint8_t[size]);
  std::memcpy(bytes_.back().get(), data, size);
  return bytes_.back().get();
}

void Roots::add(const std::vector<uint8_t>& der) {
  br_x509_decoder_context decoder;
  std::vector<uint8_t> name;
  br_x509_decoder_init(&decoder, append, &name);
  br_x509_decoder_push(&decoder, der.data(), der.size());
  const br_x509_pkey* key = br_x509_decoder_get_pkey(&decoder);
  if (key == nullptr) return;
  br_x509_trust_anchor anchor{};
  anchor.dn = {keep(name.data(), name.size()), name.size()};
  anchor.flags = br_x509_decoder_isCA(&decoder) ? BR_X509_TA_CA : 0U;
  anchor.pkey = *key;
  if (key->key_type == BR_KEYTYPE_RSA) {
    anchor.pkey.key.rsa.n = keep(key->key.rsa.n, key->key.rsa.nlen);
    anchor.pkey.key.rsa.e = keep(key->key.rsa.e, key->key.rsa.elen);
  } else {
    anchor.pkey.key.ec.q = keep(key->key.ec.q, key->key.ec.qlen);
  }
  anchors_.push_back(anchor);
}

void Tls::begin(const std::string& host, uint16_t port) {
  over_ = false;
  br_ssl_client_init_full(&client_, &x509_, roots_->anchors(), roots_->count());
  br_ssl_engine_set_buffer(&client_.eng, buffer_, sizeof buffer_, 1);
  br_ssl_engine_set_versions(&client_.eng, BR_TLS12, BR_TLS12);
  // Days since 1 January of the year 0, as BearSSL counts.
  constexpr uint32_t kDaysTo1970 = 719528, kSecondsADay = 86400;
  const auto now = static_cast<uint64_t>(std::time(nullptr));
  br_x509_minimal_set_time(&x509_, kDaysTo1970 + static_cast<uint32_t>(now / kSecondsADay), static_cast<uint32_t>(now % kSecondsADay));
  const std::string server = host + ":" + std::to_string(port);
  const bool known = server == server_;
  if (known) br_ssl_engine_set_session_parameters(&client_.eng, &session_);
  server_ = server;
  br_ssl_client_reset(&client_, host.c_str(), known ? 1 : 0);
}

bool Tls::pump(int socket) {
  br_ssl_engine_context* engine = &client_.eng;
  for (bool moved = true; moved;) {
    moved = false;
    unsigned state = br_ssl_engine_current_state(engine);
    if ((state & BR_SSL_CLOSED) != 0) return false;
    if ((state & BR_SSL_SENDREC) != 0) {
      size_t size = 0;
      const uint8_t* record = br_ssl_engine_sendrec_buf(engine, &size);
      const ssize_t n = ::send(socket, record, size, MSG_NOSIGNAL);
      if (n > 0) {
        br_ssl_engine_sendrec_ack(engine, static_cast<size_t>(n));
        moved = true;
      } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
        return false;
      }
    }
    state = br_ssl_engine_current_state(engine);
    if ((state & BR_SSL_RECVREC) != 0) {
      size_t size = 0;
      uint8_t* room = br_ssl_engine_recvrec_buf(engine, &size);
      const ssize_t n = ::recv(socket, room, size, 0);
      if (n > 0) {
        br_ssl_engine_recvrec_ack(engine, static_cast<size_t>(n));
        moved = true;
      } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        return false;
      }
    }
  }
  return true;
}

Progress Tls::handshake(int socket, Code& why) {
  const bool alive = pump(socket);
  const unsigned state = br_ssl_engine_current_state(&client_.eng);
  if ((state & BR_SSL_SENDAPP) != 0) {
    br_ssl_engine_get_session_parameters(&client_.eng, &session_);
    return Progress::Done;
  }
  if (alive) return Progress::Working;
  server_.clear();
  why = codeOf(br_ssl_engine_last_error(&client_.eng));
  return Progress::Failed;
}

int Tls::read(int socket, void* into, size_t size) {
  if (!over_) over_ = !pump(socket);
  size_t has = 0;
  const uint8_t* data = (br_ssl_engine_current_state(&client_.eng) & BR_SSL_RECVAPP) != 0 ? br_ssl_engine_recvapp_buf(&client_.eng, &has) : nullptr;
  if (data == nullptr) return over_ ? -1 : 0;
  const size_t n = std::min(size, has);
  std::memcpy(into, data, n);
  br_ssl_engine_recvapp_ack(&client_.eng, n);
  return static_cast<int>(n);
}

int Tls::write(int socket, const void* data, size_t size) {
  if (!over_) over_ = !pump(socket);
  if (over_) return -1;
  size_t has = 0;
  uint8_t* room = (br_ssl_engine_current_state(&client_.eng) & BR_SSL_SENDAPP) != 0 ? br_ssl_engine_sendapp_buf(&client_.eng, &has) : nullptr;
  if (room == nullptr) return 0;
  const size_t n = std::min(size, has);
  std::memcpy(room, data, n);
  br_ssl_engine_sendapp_ack(&client_.eng, n);
  br_ssl_engine_flush(&client_.eng, 0);
  if (!pump(socket)) over_ = true;
  return static_cast<int>(n);
}

bool Tls::wantsToSend() const { return (br_ssl_engine_current_state(&client_.eng) & BR_SSL_SENDREC) != 0; }

void Tls::end(int socket) {
  if (over_) return;
  br_ssl_engine_close(&client_.eng);
  pump(socket);
}

}  // namespace host
