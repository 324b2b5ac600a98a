#ifdef ESP32

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
    sectors.begin();
    radio.begin();
    board.begin();
  }
  esp32::Sectors sectors;
  esp32::EdgentPreferences edgent;
  esp32::WifiRadio radio;
  esp32::CloudConnection connection;
  esp32::PortalSockets sockets;
  esp32::Esp32Board board;
  esp32::Image image;
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
