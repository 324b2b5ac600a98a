#ifdef ESP32

#include "Tls.h"

#include <errno.h>
#include <esp_random.h>
#include <lwip/sockets.h>
#include <string.h>

namespace tendril {
namespace esp32 {

namespace {

// What the last connection agreed on, so that the next one to the same host need not.
struct Session {
  mbedtls_ssl_session session;
  Field<kMaxRedirectHost> host;
  bool there = false;
};
Session last;

bool isWaiting(int result) { return result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE; }

// For comparison alone: the order of its numbers is that of time.
int64_t ordinal(const mbedtls_x509_time& t) {
  return ((((static_cast<int64_t>(t.year) * 12 + t.mon) * 31 + t.day) * 24 + t.hour) * 60 + t.min) * 60 + t.sec;
}

int64_t ordinal(time_t now) {
  struct tm parts;
  gmtime_r(&now, &parts);
  mbedtls_x509_time t;
  t.year = parts.tm_year + 1900;
  t.mon = parts.tm_mon + 1;
  t.day = parts.tm_mday;
  t.hour = parts.tm_hour;
  t.min = parts.tm_min;
  t.sec = parts.tm_sec;
  return ordinal(t);
}

}  // namespace

Tls::Tls(int socket, const char* host, const char* roots, time_t now) : socket_(socket), prepared_(0), now_(now) {
  mbedtls_x509_crt_init(&roots_);
  mbedtls_ssl_config_init(&settings_);
  mbedtls_ssl_init(&tls_);
  prepared_ = mbedtls_ssl_config_defaults(&settings_, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
  if (prepared_ != 0) return;
  mbedtls_ssl_conf_rng(&settings_, random, nullptr);
  if (roots) {
    prepared_ = mbedtls_x509_crt_parse(&roots_, reinterpret_cast<const unsigned char*>(roots), strlen(roots) + 1);
    if (prepared_ != 0) return;
    mbedtls_ssl_conf_ca_chain(&settings_, &roots_, nullptr);
    mbedtls_ssl_conf_authmode(&settings_, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_verify(&settings_, checkDates, this);
  } else {
    mbedtls_ssl_conf_authmode(&settings_, MBEDTLS_SSL_VERIFY_NONE);
  }
  prepared_ = mbedtls_ssl_setup(&tls_, &settings_);
  if (prepared_ == 0) prepared_ = mbedtls_ssl_set_hostname(&tls_, host);
  if (prepared_ != 0) return;
  // A session that doesn't fit is no reason to stay away.
  if (last.there && last.host.text() == Text(host)) mbedtls_ssl_set_session(&tls_, &last.session);
  last.host.set(Text(host));
  mbedtls_ssl_set_bio(&tls_, &socket_, send, receive, nullptr);
}

Tls::~Tls() {
  mbedtls_ssl_free(&tls_);
  mbedtls_ssl_config_free(&settings_);
  mbedtls_x509_crt_free(&roots_);
}

int Tls::send(void* socket, const unsigned char* data, size_t size) {
  const ssize_t n = lwip_send(*static_cast<int*>(socket), data, size, MSG_DONTWAIT);
  if (n >= 0) return static_cast<int>(n);
  return errno == EAGAIN || errno == EWOULDBLOCK ? MBEDTLS_ERR_SSL_WANT_WRITE : MBEDTLS_ERR_SSL_CONN_EOF;
}

int Tls::receive(void* socket, unsigned char* into, size_t size) {
  const ssize_t n = lwip_recv(*static_cast<int*>(socket), into, size, MSG_DONTWAIT);
  if (n >= 0) return static_cast<int>(n);
  return errno == EAGAIN || errno == EWOULDBLOCK ? MBEDTLS_ERR_SSL_WANT_READ : MBEDTLS_ERR_SSL_CONN_EOF;
}

int Tls::random(void*, unsigned char* into, size_t size) {
  esp_fill_random(into, size);
  return 0;
}

// The Arduino core's mbedTLS is built without dates, so that it takes an expired
// certificate: we look ourselves.
int Tls::checkDates(void* self, mbedtls_x509_crt* certificate, int, uint32_t* flags) {
  const int64_t now = ordinal(static_cast<const Tls*>(self)->now_);
  if (now < ordinal(certificate->valid_from)) *flags |= MBEDTLS_X509_BADCERT_FUTURE;
  if (now > ordinal(certificate->valid_to)) *flags |= MBEDTLS_X509_BADCERT_EXPIRED;
  return 0;
}

Progress Tls::handshake(Code& why) {
  const int result = prepared_ != 0 ? prepared_ : mbedtls_ssl_handshake(&tls_);
  if (result == 0) {
    if (last.there) mbedtls_ssl_session_free(&last.session);
    mbedtls_ssl_session_init(&last.session);
    last.there = mbedtls_ssl_get_session(&tls_, &last.session) == 0;
    return Progress::Done;
  }
  if (isWaiting(result)) return Progress::Working;
  if (result == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) {
    why = Code::Tls;
  } else {
    why = result == MBEDTLS_ERR_SSL_CONN_EOF ? Code::Cloud : Code::CloudOther;
  }
  return Progress::Failed;
}

int Tls::read(void* into, size_t size) {
  const int n = mbedtls_ssl_read(&tls_, static_cast<unsigned char*>(into), size);
  if (n > 0) return n;
#ifdef MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET
  // TLS 1.3 hands over tickets between the data.
  if (n == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) return 0;
#endif
  return isWaiting(n) ? 0 : -1;
}

// A record that the socket didn't take whole is in mbedTLS already: until it is out,
// its bytes must be handed over again, and no more than those.
int Tls::write(const void* data, size_t size) {
  const size_t some = held_ != 0 && held_ < size ? held_ : size;
  const int n = mbedtls_ssl_write(&tls_, static_cast<const unsigned char*>(data), some);
  held_ = isWaiting(n) ? some : 0;
  if (n >= 0) return n;
  return isWaiting(n) ? 0 : -1;
}

void Tls::end() { mbedtls_ssl_close_notify(&tls_); }

}  // namespace esp32
}  // namespace tendril

#endif
