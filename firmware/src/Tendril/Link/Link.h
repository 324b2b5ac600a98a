// The device's end of the protocol over a connection that somebody else has made:
// login, then values both ways until it ends. It knows what the cloud's answers mean;
// it knows nothing of WiFi, nor when to connect again.
#pragma once

#include "../Port.h"
#include "../Workspace.h"
#include "Outbox.h"

namespace tendril {

class Writer;

// What a device says of itself after its login; empty fields are left out. The texts
// live as long as the link.
struct Info {
  enum Field : uint8_t {
    Version,  // of the firmware
    Type,     // of the firmware: the template's id
    Build,    // when it was built
    Library,  // the version of the library whose dialect this is
    Board,
    Cpu,
    Connection,  // as in "WiFi"
    TemplateId
  };
  static constexpr uint8_t kFields = TemplateId + 1;
  Text values[kFields];
};

// Who hears what the cloud says. Texts live until the call returns; the link may be
// used meanwhile, and ended.
class LinkEvents {
 public:
  // A value was written to a virtual pin; several are joined by NUL, and one is behind
  // the last. Hardware pins are
  // the sketch's own: what is written to them is ignored.
  virtual void onWrite(uint8_t pin, Text value) = 0;
  // A virtual pin's present value; false if it has none.
  virtual bool onRead(uint8_t pin, Writer& into) = 0;
  // The time in the device's zone, in seconds since 1970.
  virtual void onTime(uint32_t seconds) = 0;
  // The answer to askUtc, its fields joined by NUL.
  virtual void onUtc(Text, Text) {}
  // The answer to askMeta.
  virtual void onMeta(Text, Text) {}
  // The cloud asks for a restart.
  virtual void onRestart() = 0;
  // The cloud has firmware at a URL.
  virtual void onUpdate(Text) {}
  // What else the cloud says, by its first field: "acon", "adis", "dbg", "vfs".
  virtual void onNotice(Text) {}

 protected:
  ~LinkEvents() = default;
};

class Link {
 public:
  enum class State : uint8_t { LoggingIn, Online, Ended };

  Link(Connection& connection, LinkEvents& events, Workspace& workspace, const Timing& timing)
      : connection_(connection), events_(events), workspace_(workspace), timing_(timing) {}

  // Logs in over the connection, which is connected. The workspace is the link's until
  // it has ended.
  void begin(Text token, const Info& info, Millis now);
  // One step. An accepted login is told by Online before anything else, even if the
  // connection is over by then.
  State tick(Millis now);
  // Closes the connection, for no fault.
  void end() { finish(Code::None); }

  State state() const { return state_; }
  bool isOnline() const { return state_ == State::Online; }
  // Why it ended: Token if the cloud refused the token for certain, CaptivePortal if a
  // web page answered, Cloud if nothing did, CloudOther for all else; None for end and
  // for a redirect.
  Code code() const { return code_; }
  // Whether it ended because the cloud sends the device elsewhere, by the same
  // transport, and where.
  bool redirected(Field<kMaxRedirectHost>& host, uint16_t& port) const;

  // As the outbox has it: sent at once if the network takes it, else as soon as it
  // does, or after the next login.
  bool write(uint8_t pin, Text value) { return outbox_.write(pin, value) && pump(); }
  bool logEvent(Text code, Text description) { return outbox_.logEvent(code, description) && pump(); }
  bool resolveEvent(Text code) { return outbox_.resolveEvent(code) && pump(); }
  bool setProperty(uint8_t pin, Text property, Text value) { return outbox_.setProperty(pin, property, value) && pump(); }
  bool setMeta(Text field, Text value) { return outbox_.setMeta(field, value) && pump(); }
  // Forgets what waits: for a device that becomes another's.
  void forget() { outbox_.clear(); }

  // Asks the cloud; the events hear the answer. False: offline, or the network is
  // slower than what is asked. Of all pins' values, or of one's:
  bool sync();
  bool sync(uint8_t pin);
  bool askTime();
  // "time", "iso", "tz", "tz_name", "tz_rule" or "dst_next" (docs/protocol.md).
  bool askUtc(Text what);
  // As in "Device Name".
  bool askMeta(Text field);

 private:
  uint8_t* in() { return workspace_.bytes; }
  // Behind the longest frame there is one byte more.
  uint8_t* out() { return workspace_.bytes + kMaxFrame + 1; }
  size_t room() const { return kMaxOwn - (outEnd_ - outAt_); }

  uint16_t nextId();
  bool send(Command command, uint16_t id, const Text* fields, size_t count);
  bool ask(Command command, const Text* fields, size_t count);
  void respond(uint16_t id, Status status);
  TENDRIL_ONCE void sendInfo();
  bool pump();
  bool push(const uint8_t* data, size_t size, uint16_t& done);
  TENDRIL_ONCE void refill();
  TENDRIL_ONCE void keepAlive();
  TENDRIL_ONCE void receive();
  TENDRIL_ONCE bool takeFrame();
  TENDRIL_ONCE void answer(const FrameHeader& header, Text body);
  TENDRIL_ONCE void handle(const FrameHeader& header, Text body);
  TENDRIL_ONCE void hardware(uint16_t id, Text body);
  TENDRIL_ONCE void tellWrite(uint8_t pin, Text value);
  TENDRIL_ONCE void readPin(uint16_t id, Text operation, uint8_t pin);
  TENDRIL_ONCE void info(Text body);
  void redirect(Text body);
  void finish(Code code);

  Connection& connection_;
  LinkEvents& events_;
  Workspace& workspace_;
  const Timing& timing_;
  const Info* info_ = nullptr;
  Outbox outbox_;

  State state_ = State::Ended;
  Code code_ = Code::None;
  uint16_t id_ = 0;
  uint16_t have_ = 0;      // bytes in in()
  uint16_t outAt_ = 0;     // what of out() is still to be sent
  uint16_t outEnd_ = 0;
  uint16_t sentOf_ = 0;    // of the outbox's first frame
  uint8_t credit_ = 0;     // frames that may be sent at once
  Millis now_ = 0;
  Millis in_ = 0;          // when a frame was heard last
  Millis said_ = 0;        // when one was said last
  Millis ping_ = 0;        // when a ping was
  Millis moved_ = 0;       // when the network took something, or had nothing to take
  Millis credited_ = 0;
  Field<kMaxRedirectHost> host_;
  uint16_t port_ = 0;
};

}  // namespace tendril
