// Tendril for makers: the part of a product that is theirs is a dozen lines.
//
//   #include <Tendril.h>
//   #include "product.h"                          // made by `tendril firmware new`
//
//   TENDRIL_WRITE(pump) { digitalWrite(5, param.asInt()); }
//
//   void measure() { Tendril.write(moisture, analogRead(A0) / 10.24); }
//
//   void setup() {
//     pinMode(5, OUTPUT);
//     Tendril.every(5000, measure);
//     Tendril.begin(product(), wiring());
//   }
//
//   void loop() { Tendril.run(); }
//
// A datastream is a virtual pin, V0 to V255, or a name for one:
//   constexpr uint8_t moisture = V0;
#pragma once

#ifdef ARDUINO
#include <Arduino.h>
#endif

#include "Tendril/Chip.h"
#include "Tendril/Console.h"
#include "Tendril/Device.h"
#include "Tendril/Product.h"
#include "Tendril/Sketch/Handlers.h"
#include "Tendril/Sketch/Number.h"
#include "Tendril/Sketch/Pins.h"
#include "Tendril/Sketch/Row.h"
#include "Tendril/Sketch/Timers.h"
#include "Tendril/Sketch/Value.h"

// Called when the cloud writes the datastream, `param` being the value: by a person,
// by an automation, or after sync.
#define TENDRIL_WRITE(datastream)                                                             \
  static void tendrilWrite_##datastream(const tendril::Value& param);                         \
  static tendril::WriteHandler tendrilOnWrite_##datastream(datastream, tendrilWrite_##datastream); \
  static void tendrilWrite_##datastream([[maybe_unused]] const tendril::Value& param)

// Called when the cloud asks for the datastream's value: write it with Tendril.write.
#define TENDRIL_READ(datastream)                                                           \
  static void tendrilRead_##datastream();                                                  \
  static tendril::ReadHandler tendrilOnRead_##datastream(datastream, tendrilRead_##datastream); \
  static void tendrilRead_##datastream()

// The device, for sketches. Nothing here waits, and nothing takes memory after
// start-up; run must be called all the time, so a sketch doesn't delay either.
class TendrilClass : private tendril::Observer {
 public:
  using Function = void (*)();

  // Starts the device; call it once, from setup.
  void begin(const tendril::Product& product, const tendril::Wiring& wiring = tendril::Wiring());
  // Does a little of everything that is due; call it from loop.
  void run();

  bool connected() const;
  // The device's state, for a display of one's own.
  tendril::State state() const;

  // Sends a value of a datastream, or several in a row. While the device is offline
  // the newest value of each is kept and sent once it is online; false says that it
  // could not even be kept.
  bool write(uint8_t datastream, tendril::Text value);
  bool write(uint8_t datastream, const char* value) { return write(datastream, tendril::Text(value)); }
  bool write(uint8_t datastream, double value) { return write(datastream, tendril::Number(value).text()); }
  bool write(uint8_t datastream, float value) { return write(datastream, static_cast<double>(value)); }
  bool write(uint8_t datastream, bool value) { return write(datastream, value ? "1" : "0"); }
  bool write(uint8_t datastream, int value) { return write(datastream, static_cast<long>(value)); }
  bool write(uint8_t datastream, long value) { return write(datastream, tendril::Number(value).text()); }
  bool write(uint8_t datastream, long long value) { return write(datastream, tendril::Number(value).text()); }
  bool write(uint8_t datastream, unsigned value) { return write(datastream, static_cast<unsigned long long>(value)); }
  bool write(uint8_t datastream, unsigned long value) { return write(datastream, static_cast<unsigned long long>(value)); }
  bool write(uint8_t datastream, unsigned long long value) { return write(datastream, tendril::Number(value).text()); }
#ifdef ARDUINO
  bool write(uint8_t datastream, const String& value) { return write(datastream, tendril::Text(value.c_str(), value.length())); }
#endif

  // A row of values, as of a place on a map; together at most 128 bytes.
  template <typename First, typename Second, typename... More>
  bool write(uint8_t datastream, const First& first, const Second& second, const More&... more) {
    tendril::Row row;
    row.add(first);
    row.add(second);
    (row.add(more), ...);
    return row.fits() && write(datastream, row.text());
  }

  // Asks the cloud for the values that it holds: they come as writes. False: offline.
  bool sync();
  bool sync(uint8_t datastream);

  // Adds an entry to the device's log in the cloud, under a code that the product
  // defines. False: offline, or too many wait already.
  bool logEvent(const char* code, const char* description = "");

  // Calls a function every so often, or once; -1 when all 16 timers are taken.
  int every(uint32_t milliseconds, Function function) { return timers_.every(milliseconds, function); }
  int after(uint32_t milliseconds, Function function) { return timers_.after(milliseconds, function); }
  void cancel(int timer) { timers_.cancel(timer); }

  // Called each time that the device is online, and offline again.
  void onConnected(Function function) { connectedHandler_ = function; }
  void onDisconnected(Function function) { disconnectedHandler_ = function; }

  // The time in the device's own zone, seconds since 1970; 0 until the cloud told it.
  uint32_t clock() const;

 private:
  void onWrite(uint8_t pin, tendril::Text value) override;
  bool onRead(uint8_t pin, tendril::Writer& into) override;

  tendril::Device* device_ = nullptr;
  tendril::Timers timers_;
  Function connectedHandler_ = nullptr;
  Function disconnectedHandler_ = nullptr;
  tendril::Console* console_ = nullptr;
  // What is being read by the cloud, while its handler runs.
  tendril::Writer* answer_ = nullptr;
  uint8_t asked_ = 0;
  bool wasOnline_ = false;
};

extern TendrilClass Tendril;
