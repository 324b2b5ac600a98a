#include "Case.h"
#include "Tendril/Text/Digits.h"
#include "Tendril/Text/Json.h"
#include "Tendril/Text/Lines.h"

using namespace tendril;

namespace {

TENDRIL_ROM_TEXT(kWords, "one\ntwo\ntwofold\n\nlast");
TENDRIL_ROM_TEXT(kRom, "flash");

// All that a writer is put to, in one form of it.
void putSome(Writer& w) {
  w.put("Hello, ");
  w.put('w');
  w.put(kRom);
  w.number(-2147483647 - 1);
  w.put(Text());
  w.number(0);
  w.number(65535);
}

constexpr char kSome[] = "Hello, wflash-2147483648065535";

// What comes of text as a JSON string.
bool becomes(Text text, Text want) {
  char buffer[64];
  Writer w(buffer, sizeof buffer);
  putJson(w, text);
  return !w.overflow() && w.text() == want;
}

// Hears an object as "name=value;", with "?" for what is nested.
class Heard : public JsonMembers {
 public:
  Text text() const { return all_.text(); }
  void beginName() override {}
  void nameByte(char c) override { all_.push(c); }
  void beginValue() override { all_.push('='); }
  void valueByte(char c) override { all_.push(c); }
  void endValue() override { all_.push(';'); }
  void nestedValue() override { all_.push('?'); }

 private:
  Field<120> all_;
};

bool reads(Text json, Text want) {
  Heard heard;
  JsonReader reader;
  for (size_t i = 0; i < json.size; i++) {
    if (!reader.push(json[i], heard)) return false;
  }
  return reader.done() && heard.text() == want;
}

bool refuses(Text json) {
  Heard heard;
  JsonReader reader;
  bool sound = true;
  for (size_t i = 0; i < json.size; i++) sound = reader.push(json[i], heard) && sound;
  return !sound || !reader.done();
}

bool decodes(Text text, Text want, bool plusIsSpace = true) {
  Percent percent(plusIsSpace);
  Field<64> got;
  for (size_t i = 0; i < text.size; i++) {
    char c = text[i];
    const Percent::Got result = percent.push(c);
    if (result == Percent::Got::Broken) return false;
    if (result == Percent::Got::Byte) got.push(c);
  }
  return percent.whole() && got.text() == want;
}

}  // namespace

CASE(writer_keeps_any_part) {
  const Text whole(kSome);
  for (size_t skip = 0; skip <= whole.size + 1; skip++) {
    for (size_t capacity = 0; capacity <= whole.size + 1; capacity++) {
      char buffer[sizeof kSome + 1];
      buffer[capacity] = '#';
      Writer w(buffer, capacity, skip);
      putSome(w);
      CHECK_EQ(w.total(), whole.size);
      CHECK(w.text() == whole.from(skip).first(capacity));
      CHECK_EQ(w.overflow(), skip + capacity < whole.size);
      CHECK_EQ(buffer[capacity], '#');
    }
  }
  Writer counter(nullptr, 0);
  putSome(counter);
  CHECK_EQ(counter.total(), whole.size);
  CHECK_EQ(counter.size(), 0);
}

CASE(lines_are_found) {
  CHECK_EQ(lineOf(kWords, "one"), 0);
  CHECK_EQ(lineOf(kWords, "two"), 1);
  CHECK_EQ(lineOf(kWords, "twofold"), 2);
  CHECK_EQ(lineOf(kWords, ""), 3);
  CHECK_EQ(lineOf(kWords, "last"), 4);
  static const char* const others[] = {"on", "onetwo", "tw", "twof", "las", "lastly", "One", "one\ntwo", "\n"};
  for (const char* other : others) CHECK_EQ(lineOf(kWords, other), kNoLine);
  char buffer[8];
  static const char* const want[] = {"one", "two", "twofold", "", "last"};
  for (uint8_t i = 0; i < 5; i++) {
    Writer w(buffer, sizeof buffer);
    putLine(w, kWords, i);
    CHECK(w.text() == Text(want[i]));
  }
}

CASE(utf8_is_told) {
  static const struct {
    Text text;
    size_t first;
    bool whole;
  } table[] = {
      {Text(), 0, true}, {"a", 1, true}, {"\x7F", 1, true}, {"\xC2\x80", 2, true}, {"\xDF\xBF", 2, true}, {"\xE0\xA0\x80", 3, true},
      {"\xED\x9F\xBF", 3, true}, {"\xEE\x80\x80", 3, true}, {"\xEF\xBF\xBF", 3, true}, {"\xF0\x90\x80\x80", 4, true},
      {"\xF4\x8F\xBF\xBF", 4, true}, {"\xC3\xA4z", 2, true}, {"z\xC3", 1, false},
      {"\x80", 0, false}, {"\xC0\x80", 0, false}, {"\xC1\xBF", 0, false}, {"\xC2", 0, false}, {"\xC2z", 0, false}, {"\xE0\x9F\xBF", 0, false},
      {"\xED\xA0\x80", 0, false}, {"\xE2\x82", 0, false}, {"\xF0\x8F\xBF\xBF", 0, false}, {"\xF4\x90\x80\x80", 0, false}, {"\xF5\x80\x80\x80", 0, false},
      {"\xFF", 0, false},
  };
  for (const auto& row : table) {
    CHECK_EQ(utf8Size(row.text, 0), row.first);
    CHECK_EQ(isUtf8(row.text), row.whole);
  }
  static const uint32_t characters[] = {0x24u, 0x7Fu, 0x80u, 0x7FFu, 0x800u, 0x20ACu, 0xFFFDu, 0xFFFFu, 0x10000u, 0x1F331u, 0x10FFFFu};
  for (const uint32_t c : characters) {
    char bytes[4];
    const size_t n = utf8Put(c, bytes);
    CHECK_EQ(utf8Size(Text(bytes, n), 0), n);
    uint32_t back = static_cast<uint8_t>(bytes[0]) & (n == 1 ? 0x7Fu : 0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++) back = back << 6 | (static_cast<uint8_t>(bytes[i]) & 0x3Fu);
    CHECK_EQ(back, c);
  }
}

// As Go's encoding/json writes them.
CASE(json_strings_are_written) {
  CHECK(becomes(Text(), "\"\""));
  CHECK(becomes("plain, text.", "\"plain, text.\""));
  CHECK(becomes("\"\\/\b\f\n\r\t", "\"\\\"\\\\/\\b\\f\\n\\r\\t\""));
  CHECK(becomes(Text("\0\x01\x1F\x7F", 4), "\"\\u0000\\u0001\\u001f\x7F\""));
  CHECK(becomes("</script>&", "\"\\u003c/script\\u003e\\u0026\""));
  CHECK(becomes("Gr\xC3\xBCne \xF0\x9F\x8C\xB1", "\"Gr\xC3\xBCne \xF0\x9F\x8C\xB1\""));
  CHECK(becomes("\xE2\x80\xA8\xE2\x80\xA9\xE2\x80\xAA", "\"\\u2028\\u2029\xE2\x80\xAA\""));
  CHECK(becomes("\xFF", "\"\xEF\xBF\xBD\""));
  CHECK(becomes("a\xFF\xFE\xC3z\x80", "\"a\xEF\xBF\xBDz\xEF\xBF\xBD\""));
}

CASE(json_objects_are_written) {
  char buffer[96];
  Writer w(buffer, sizeof buffer);
  JsonObject o(w);
  o.text(Member::Board, "\"");
  o.open(Member::State);
  w.put(kRom);
  o.close();
  o.number(Member::Rssi, -7);
  o.boolean(Member::Hidden, true);
  o.boolean(Member::Hidden, false);
  o.end();
  CHECK(w.text() == Text("{\"board\":\"\\\"\",\"state\":\"flash\",\"rssi\":-7,\"hidden\":true,\"hidden\":false}"));
}

CASE(json_objects_are_read) {
  CHECK(reads("{}", ""));
  CHECK(reads(" \t\r\n{ } \n", ""));
  CHECK(reads("{\"a\":\"b\"}", "a=b;"));
  CHECK(reads("{ \"a\" : \"b\" , \"c\" : \"\" }", "a=b;c=;"));
  CHECK(reads("{\"a\":true,\"b\":false,\"c\":null}", "a=true;b=false;c"));
  CHECK(reads("{\"a\":0,\"b\":-1,\"c\":12.50,\"d\":1e9,\"e\":2E-7,\"f\":-0.1e+3}", "a=0;b=-1;c=12.50;d=1e9;e=2E-7;f=-0.1e+3;"));
  CHECK(reads("{\"a\":1}", "a=1;"));
  CHECK(reads("{\"\\u0061\\n\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "a\n=\"\\/\b\f\n\r\t;"));
  CHECK(reads("{\"a\":\"\\u00e4\\u20AC\\ud83c\\udf31\"}", "a=\xC3\xA4\xE2\x82\xAC\xF0\x9F\x8C\xB1;"));
  CHECK(reads("{\"a\":\"\\u0000\"}", Text("a=\0;", 4)));
  CHECK(reads("{\"a\":\"\xC3\xA4\"}", "a=\xC3\xA4;"));
  // Halves of surrogate pairs.
  CHECK(reads("{\"a\":\"\\ud800\"}", "a=\xEF\xBF\xBD;"));
  CHECK(reads("{\"a\":\"\\udc00z\"}", "a=\xEF\xBF\xBDz;"));
  CHECK(reads("{\"a\":\"\\ud800z\"}", "a=\xEF\xBF\xBDz;"));
  CHECK(reads("{\"a\":\"\\ud800\\n\"}", "a=\xEF\xBF\xBD\n;"));
  CHECK(reads("{\"a\":\"\\ud800\\u0041\"}", "a=\xEF\xBF\xBD" "A;"));
  CHECK(reads("{\"a\":\"\\ud800\\ud83c\\udf31\"}", "a=\xEF\xBF\xBD\xF0\x9F\x8C\xB1;"));
  // What is inside others is passed over.
  CHECK(reads("{\"a\":{\"b\":[1,{\"c\":\"d\"},[]],\"e\":{}},\"f\":2}", "a?f=2;"));
  CHECK(reads("{\"a\":[\"x\",-1,true,null,0.5]}", "a?"));
}

CASE(what_is_no_json_object_is_refused) {
  static const char* const table[] = {
        "", " ", "null", "[]", "\"a\"", "1", "x", "{", "{\"a\"", "{\"a\":", "{\"a\":\"b", "{\"a\":\"b\"", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{,}", "{\"a\" 1}",
        "{a:1}", "{1:2}", "{\"a\":}", "{\"a\":01}", "{\"a\":-}", "{\"a\":+1}", "{\"a\":.5}", "{\"a\":1.}", "{\"a\":1e}", "{\"a\":1e+}", "{\"a\":1x}", "{\"a\":-x}",
        "{\"a\":tru}", "{\"a\":trux}", "{\"a\":nul}", "{\"a\":True}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12g4\"}", "{\"a\":\"\\u123\"}", "{\"a\":\"\n\"}", "{\"a\":\"\x1F\"}",
        "{\"a\":\"\xFF\"}", "{\"a\":\"\xC3\"}", "{\"a\":\"\xC3\\n\"}", "{\"\xFF\":1}", "{\xC3\xA4}", "{} {}", "{}x", "{\"a\":[}", "{\"a\":[1,]}", "{\"a\":[1}", "{\"a\":{]}",
        "{\"a\":[,1]}", "{\"a\":{\"b\"}}", "{\"a\":1]"};
  for (const char* text : table) CHECK(refuses(text));
}

CASE(json_is_as_deep_as_it_may_be) {
  char text[200];
  for (size_t depth = 1; depth <= JsonReader::kMaxDepth + 1u; depth++) {
    Writer w(text, sizeof text);
    w.put("{\"a\":");
    for (size_t i = 1; i < depth; i++) w.put('[');
    if (depth == 1) w.put('1');
    for (size_t i = 1; i < depth; i++) w.put(']');
    w.put('}');
    if (depth <= JsonReader::kMaxDepth) {
      CHECK(reads(w.text(), depth == 1 ? "a=1;" : "a?"));
    } else {
      CHECK(refuses(w.text()));
    }
  }
}

CASE(percent_decoding) {
  CHECK(decodes("", ""));
  CHECK(decodes("a+b%20c%2B%2b", "a b c++"));
  CHECK(decodes("a+b", "a+b", false));
  CHECK(decodes("%00%ff%FE", Text("\0\xFF\xFE", 3)));
  static const char* const broken[] = {"%", "%4", "%zz", "%4z", "a%", "%%41", "%+1"};
  for (const char* text : broken) CHECK(!decodes(text, ""));
}

CASE(digits_are_written) {
  char buffer[40];
  Writer hex(buffer, sizeof buffer);
  putHex(hex, Text("\x00\x9A\xFF", 3));
  CHECK(hex.text() == Text("009aff"));
  const uint8_t mac[] = {0x02, 0x00, 0x5E, 0x10, 0xAB, 0xFF};
  Writer colons(buffer, sizeof buffer);
  putMac(colons, mac);
  CHECK(colons.text() == Text("02:00:5E:10:AB:FF"));
  // RFC 4648, 10, and the two letters that differ.
  static const struct {
    Text in, out;
  } table[] = {{"", ""}, {"f", "Zg"}, {"fo", "Zm8"}, {"foo", "Zm9v"}, {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xFB\xFF", "-_8"}};
  for (const auto& row : table) {
    Writer w(buffer, sizeof buffer);
    putBase64(w, row.in);
    CHECK(w.text() == row.out);
  }
}
