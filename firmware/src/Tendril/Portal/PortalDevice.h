// What the portal speaks for: the device's side of the setup network.
#pragma once

#include "../Port.h"
#include "Draft.h"

namespace tendril {

// What the device is, for GET /board_info.json. The texts live as long as the device.
struct BoardInfo {
  Text board, templateId, firmwareType, firmwareVersion, vendor, name;
  Text ssid;  // of the setup network
  uint8_t mac[6] = {}, bssid[6] = {};
  Code lastError = Code::None;
  bool configured = false;  // a proven configuration is on flash
};

class PortalDevice {
 public:
  virtual void boardInfo(BoardInfo& into) = 0;

  // The radio's scan, as in Radio.
  virtual void beginScan() = 0;
  virtual Progress scan() = 0;
  virtual uint16_t found() = 0;
  virtual bool foundAt(uint16_t i, Network& into) = 0;

  // Busy: another one is being stored. Refused: field says which parameter.
  enum class Accepted : uint8_t { Yes, Busy, Failed, Refused };
  // Takes a configuration, or refuses it with nothing changed; it is to be kept once
  // kept() is called, when the answer is on its way. The same again is Yes as before,
  // so kept() may be heard again, too. save: it was asked to save it without a try.
  virtual Accepted accept(const Configuration& configuration, bool save, Parameter& field) = 0;
  virtual void kept() = 0;
  // Forgets what isn't proven; keptProven tells that a proven configuration stays.
  // False: the flash failed.
  virtual bool reset(bool& keptProven) = 0;
  // Restarts soon.
  virtual void reboot() = 0;
  // Somebody uses the portal.
  virtual void used() = 0;

 protected:
  ~PortalDevice() = default;
};

}  // namespace tendril
