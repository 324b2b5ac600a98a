#include "Outbox.h"

namespace tendril {

bool Outbox::write(uint8_t pin, Text value) {
  const Digits number(pin);
  const Text fields[] = {"vw", number.text(), value};
  return put(Command::Hardware, fields, 3, 2);
}

bool Outbox::logEvent(Text code, Text description) {
  const Text fields[] = {code, description};
  return !code.empty() && put(Command::Event, fields, description.empty() ? 1 : 2, 1);
}

bool Outbox::resolveEvent(Text code) { return !code.empty() && put(Command::EventClear, &code, 1, 1); }

bool Outbox::setProperty(uint8_t pin, Text property, Text value) {
  const Digits number(pin);
  const Text fields[] = {number.text(), property, value};
  return put(Command::Property, fields, 3, 2);
}

bool Outbox::setMeta(Text field, Text value) {
  const Text fields[] = {"meta", "set", field, value};
  return put(Command::Info, fields, 4, 3);
}

Outbox::Entry Outbox::entry(size_t at) const {
  Entry e = {};
  memcpy(&e, bytes_ + at, sizeof e);
  return e;
}

// Whether an entry's key is these fields, joined by NUL.
bool Outbox::isAbout(size_t at, Command command, const Text* fields, size_t count) const {
  const uint8_t* const frame = bytes_ + at + sizeof(Entry);
  Text key(reinterpret_cast<const char*>(frame + kFrameHeader), entry(at).key);
  if (frame[0] != static_cast<uint8_t>(command)) return false;
  Text field;
  for (size_t i = 0; i < count; i++) {
    if (takeField(key, field) != (i + 1 < count) || field != fields[i]) return false;
  }
  return true;
}

void Outbox::remove(size_t at) {
  const size_t size = sizeof(Entry) + entry(at).size;
  memmove(bytes_ + at, bytes_ + at + size, used_ - at - size);
  used_ = static_cast<uint16_t>(used_ - size);
}

// Puts a frame of fields in; the first keyFields say what it is about, and have no NUL.
bool Outbox::put(Command command, const Text* fields, size_t count, size_t keyFields) {
  for (size_t i = 0; i < keyFields; i++) {
    if (memchr(fields[i].data, 0, fields[i].size) != nullptr) return false;
  }
  const size_t first = beingSent();
  const size_t frame = kFrameHeader + bodySize(fields, count);
  const size_t size = sizeof(Entry) + frame;
  if (size > kOutbox - first) return false;
  for (size_t at = first; at < used_;) {
    if (isAbout(at, command, fields, keyFields)) {
      remove(at);
    } else {
      at += sizeof(Entry) + entry(at).size;
    }
  }
  while (used_ + size > kOutbox) remove(first);

  const Entry e = {static_cast<uint16_t>(frame), static_cast<uint16_t>(bodySize(fields, keyFields))};
  memcpy(bytes_ + used_, &e, sizeof e);
  putFrame(bytes_ + used_ + sizeof e, command, 0, fields, count);
  used_ = static_cast<uint16_t>(used_ + size);
  return true;
}

void Outbox::begin(uint16_t id) {
  uint8_t* const frame = bytes_ + sizeof(Entry);
  frame[1] = static_cast<uint8_t>(id >> 8);
  frame[2] = static_cast<uint8_t>(id);
  sending_ = true;
}

Text Outbox::front() const { return {reinterpret_cast<const char*>(bytes_ + sizeof(Entry)), entry(0).size}; }

void Outbox::sent() {
  sending_ = false;
  remove(0);
}

}  // namespace tendril
