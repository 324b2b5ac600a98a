// JSON objects: the reader takes what another reader of JSON takes, and nothing else.
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>

#include "Tendril/Text/Json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

class Deaf : public tendril::JsonMembers {
 public:
  void beginName() override {}
  void nameByte(char) override {}
  void beginValue() override {}
  void valueByte(char) override {}
  void endValue() override {}
  void nestedValue() override {}
};

// How deep it goes, as if it were JSON.
int depth(const std::string& text) {
  int deepest = 0, now = 0;
  for (const char c : text) {
    if (c == '{' || c == '[') deepest = std::max(deepest, ++now);
    if (c == '}' || c == ']') now--;
  }
  return deepest;
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  Deaf deaf;
  tendril::JsonReader reader;
  bool sound = true;
  for (const char c : text) sound = reader.push(c, deaf) && sound;
  sound = sound && reader.done();
  // The other one wants whole surrogate pairs and a number's size in bounds, passes a
  // mark of the byte order over, ends at a NUL, and has no end of depths.
  if (depth(text) > tendril::JsonReader::kMaxDepth || text.find('\0') != std::string::npos || text.find("\\u") != std::string::npos || text.rfind("\xEF\xBB\xBF", 0) == 0) return 0;
  const nlohmann::json other = nlohmann::json::parse(text, nullptr, false);
  const bool isObject = other.is_object();
  if (sound != isObject && !(sound && text.find_first_of("eE") != std::string::npos)) __builtin_trap();
  return 0;
}
