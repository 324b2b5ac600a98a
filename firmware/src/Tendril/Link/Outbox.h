// What the device has to tell the cloud and couldn't yet: of each datastream the
// newest value, of each event, property and meta field the newest, too. It outlives
// connections. When it is full, what has waited longest makes room.
#pragma once

#include "../Config.h"
#include "../Protocol/Frame.h"

namespace tendril {

class Outbox {
 public:
  // A value of a virtual pin, several joined by NUL. False here and below: too long,
  // or not what the protocol can say; nothing has changed.
  bool write(uint8_t pin, Text value);
  // Puts an event into the device's log, or takes it back.
  bool logEvent(Text code, Text description);
  bool resolveEvent(Text code);
  // Sets how a widget shows a datastream, as in "color", "#D3435C".
  bool setProperty(uint8_t pin, Text property, Text value);
  bool setMeta(Text field, Text value);

  bool empty() const { return used_ == 0; }
  // Forgets all but what is being sent.
  void clear() { used_ = static_cast<uint16_t>(beingSent()); }

  // The frame that has waited longest gets an id and is being sent: it stays as it is,
  // whatever is put in, until it was sent or the connection is over.
  void begin(uint16_t id);
  bool isSending() const { return sending_; }
  Text front() const;
  void sent();
  void lost() { sending_ = false; }

 private:
  struct Entry {
    uint16_t size;  // of the frame
    uint16_t key;   // how much of the body says what it is about
  };

  bool put(Command command, const Text* fields, size_t count, size_t keyFields);
  Entry entry(size_t at) const;
  bool isAbout(size_t at, Command command, const Text* fields, size_t count) const;
  void remove(size_t at);
  size_t beingSent() const { return sending_ ? sizeof(Entry) + entry(0).size : 0; }

  uint8_t bytes_[kOutbox];
  uint16_t used_ = 0;
  bool sending_ = false;  // the first entry is
};

}  // namespace tendril
