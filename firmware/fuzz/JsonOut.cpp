// A round trip: any bytes, written as a JSON string and read again, are what they
// were, but for those that are no UTF-8.
#include <string>

#include "Tendril/Text/Json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using tendril::Text;

class Value : public tendril::JsonMembers {
 public:
  std::string text;
  void beginName() override {}
  void nameByte(char) override {}
  void beginValue() override {}
  void valueByte(char c) override { text += c; }
  void endValue() override {}
  void nestedValue() override {}
};

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Text in(reinterpret_cast<const char*>(data), size);
  std::string out(6 * size + 16, '\0');
  tendril::Writer w(&out[0], out.size());
  w.put("{\"a\":");
  tendril::putJson(w, in);
  w.put('}');
  if (w.overflow()) __builtin_trap();
  Value value;
  tendril::JsonReader reader;
  for (size_t i = 0; i < w.size(); i++) {
    const char c = out[i];
    if (c == '<' || c == '>' || c == '&') __builtin_trap();
    if (!reader.push(c, value)) __builtin_trap();
  }
  if (!reader.done() || (tendril::isUtf8(in) ? value.text != std::string(in.data, in.size) : !tendril::isUtf8(Text(value.text.data(), value.text.size())))) {
    __builtin_trap();
  }
  return 0;
}
