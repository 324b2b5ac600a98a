#include "Url.h"

#include "../Protocol/Frame.h"

namespace tendril {

bool Url::parse(Text text) {
  for (size_t i = 0; i < text.size; i++) {
    if (text[i] <= ' ' || text[i] > '~') return false;
  }
  const Text plain = "http://";
  const Text secure = "https://";
  tls = text.startsWith(secure);
  if (!tls && !text.startsWith(plain)) return false;
  text = text.from(tls ? secure.size : plain.size);

  size_t end = 0;
  while (end < text.size && text[end] != '/' && text[end] != '?' && text[end] != '#') end++;
  Text authority = text.first(end);
  Text rest = text.from(end);
  // What is behind a # is the client's own, and no firmware needs it.
  if (memchr(rest.data, '#', rest.size) != nullptr || memchr(authority.data, '@', authority.size) != nullptr) return false;
  port = tls ? 443 : 80;
  const void* colon = memchr(authority.data, ':', authority.size);
  if (colon != nullptr) {
    const auto at = static_cast<size_t>(static_cast<const char*>(colon) - authority.data);
    uint32_t number = 0;
    if (!parseNumber(authority.from(at + 1), 65535, number) || number == 0) return false;
    port = static_cast<uint16_t>(number);
    authority = authority.first(at);
  }
  path.clear();
  if (rest.empty() || rest[0] != '/') path.push('/');
  for (size_t i = 0; i < rest.size; i++) {
    if (!path.push(rest[i])) return false;
  }
  return !authority.empty() && host.set(authority);
}

}  // namespace tendril
