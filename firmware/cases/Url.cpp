#include "Tendril/Update/Url.h"

#include "Case.h"

using tendril::Text;
using tendril::Url;

CASE(urls) {
  static const struct {
    const char* text;
    bool ok;
    bool tls;
    const char* host;
    uint16_t port;
    const char* path;
  } kRows[] = {
      {"http://a.example/f.bin", true, false, "a.example", 80, "/f.bin"},
      {"https://a.example/f.bin?token=x&y", true, true, "a.example", 443, "/f.bin?token=x&y"},
      {"https://a.example:8443", true, true, "a.example", 8443, "/"},
      {"http://10.0.0.1:8080?f", true, false, "10.0.0.1", 8080, "/?f"},
      {"", false, false, "", 0, ""},
      {"ftp://a.example/f.bin", false, false, "", 0, ""},
      {"HTTP://a.example/", false, false, "", 0, ""},
      {"http://", false, false, "", 0, ""},
      {"http:///f.bin", false, false, "", 0, ""},
      {"http://:80/f.bin", false, false, "", 0, ""},
      {"http://a.example:0/", false, false, "", 0, ""},
      {"http://a.example:65536/", false, false, "", 0, ""},
      {"http://a.example:/", false, false, "", 0, ""},
      {"http://user:secret@a.example/", false, false, "", 0, ""},
      {"http://a.example/#top", false, false, "", 0, ""},
      {"http://a.example/ HTTP/1.1\r\nX: y", false, false, "", 0, ""},
      {"http://a.example/\xC3\xA9", false, false, "", 0, ""},
      {"http://0123456789012345678901234567890123456789012345678901234567890123/", false, false, "", 0, ""},
  };
  Url url;
  for (const auto& row : kRows) {
    CHECK_EQ(url.parse(row.text), row.ok);
    if (!row.ok) continue;
    CHECK_EQ(url.tls, row.tls);
    CHECK(url.host.text() == row.host);
    CHECK_EQ(url.port, row.port);
    CHECK(url.path.text() == row.path);
  }
  char tooLong[300];
  memset(tooLong, 'x', sizeof tooLong);
  memcpy(tooLong, "http://a/", 9);
  CHECK(!url.parse(Text(tooLong, sizeof tooLong)));
}
