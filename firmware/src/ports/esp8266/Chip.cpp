#ifdef ESP8266

#include "../../Tendril/Chip.h"

#include <Arduino.h>

#include <new>

#include "Board.h"
#include "Connection.h"
#include "Image.h"
#include "Memory.h"
#include "Radio.h"
#include "Sockets.h"

namespace tendril {

namespace {

struct Parts {
  explicit Parts(const Wiring& wiring)
      : connection(wiring), board(wiring), port{sectors, radio, connection, sockets, board, &edgent, &image} {
    radio.begin();
    board.begin();
  }
  esp8266::Sectors sectors;
  esp8266::EdgentEeprom edgent;
  esp8266::WifiRadio radio;
  esp8266::CloudConnection connection;
  esp8266::PortalSockets sockets;
  esp8266::Esp8266Board board;
  esp8266::Image image;
  Port port;
};

}  // namespace

Port& chip(const Wiring& wiring) {
  // It never ends, so nothing need be registered for its end.
  alignas(Parts) static uint8_t room[sizeof(Parts)];
  static Parts* const parts = new (room) Parts(wiring);
  return parts->port;
}

Millis uptime() { return static_cast<Millis>(millis()); }

}  // namespace tendril

#endif
