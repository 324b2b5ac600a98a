// JSON (RFC 8259) out and in. Out is what Go's encoding/json writes, so that one
// test judges both implementations. In is one object, read byte by byte.
#pragma once

#include "Member.h"
#include "Utf8.h"
#include "Writer.h"

namespace tendril {

// A string with its quotes. Runs of bytes that are no UTF-8 become one U+FFFD, and
// what could end a script or a line of one is escaped.
void putJson(Writer& w, Text text);

// Writes the members of an object, from its { to its }.
class JsonObject {
 public:
  explicit JsonObject(Writer& w);
  void text(Member name, Text value);
  void number(Member name, int32_t value);
  void boolean(Member name, bool value);
  // The name alone, for a value that the caller writes; and for one that is a string
  // without escapes, between its quotes.
  void name(Member name);
  void open(Member name);
  void close() { w_.put('"'); }
  void end() { w_.put('}'); }

 private:
  Writer& w_;
  bool first_ = true;
};

// What stands behind a backslash for one of the characters that have a letter there, and
// the character that such a letter stands for; 0 where there is none.
char escapeOf(char character);
char escaped(char letter);

// Hears the members of an object as they come. A value is its string's bytes, or a
// number or boolean as it is written; a null is no value. What can't be JSON may
// still follow, so nothing counts until the reader is done.
class JsonMembers {
 public:
  virtual void beginName() = 0;
  virtual void nameByte(char c) = 0;
  virtual void beginValue() = 0;
  virtual void valueByte(char c) = 0;
  virtual void endValue() = 0;
  // The value is an object or an array, whose inside is passed over.
  virtual void nestedValue() = 0;

 protected:
  ~JsonMembers() = default;
};

// Reads one object in UTF-8, and nothing beside it. Half a surrogate pair becomes
// U+FFFD.
class JsonReader {
 public:
  // How deep objects and arrays may be in each other.
  static constexpr uint8_t kMaxDepth = 32;

  // False from the first byte on that can't be there.
  bool push(char c, JsonMembers& members);
  // Whether the object is whole.
  bool done() const { return state_ == State::End; }

 private:
  enum class State : uint8_t {
    Begin, FirstName, Name, Colon, Value, FirstElement, After, End,
    String, Escape, Unit, Word,
    Minus, Zero, Whole, Point, Fraction, Exponent, ExponentSign, ExponentDigits,
    Failed,
  };

  bool step(char c, JsonMembers& members);
  TENDRIL_ONCE bool value(char c, JsonMembers& members);
  bool open(bool array, JsonMembers& members);
  TENDRIL_ONCE bool close(bool array);
  TENDRIL_ONCE bool string(char c, JsonMembers& members);
  TENDRIL_ONCE bool escape(char c, JsonMembers& members);
  bool unit(char c, JsonMembers& members);
  TENDRIL_ONCE bool number(char c, JsonMembers& members);
  TENDRIL_ONCE bool keyword(char c, JsonMembers& members);
  void emit(char c, JsonMembers& members);
  void emitCharacter(uint32_t character, JsonMembers& members);
  void loneSurrogate(JsonMembers& members);

  State state_ = State::Begin;
  uint8_t depth_ = 0;
  uint32_t arrays_ = 0;  // of the depths above, which are arrays
  bool inName_ = false;
  Utf8 utf8_;
  uint8_t digits_ = 0;  // of \u, still to come
  uint16_t unit_ = 0;
  uint16_t surrogate_ = 0;  // a first half that waits for its second
  char word_ = 0;           // t, f or n
  uint8_t at_ = 0;          // in the word
};

}  // namespace tendril
