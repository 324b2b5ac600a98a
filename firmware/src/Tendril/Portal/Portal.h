// The setup portal (docs/portal.md): HTTP for whoever is on the setup network, and
// DNS that leads there. Several clients are served at once; none waits for another,
// and none can hold more than its share: a client is a few hundred bytes, requests
// are read byte by byte, and answers are made as they are sent.
//
// A connection is for one request. Where all are taken, whoever has been asking for
// longest makes room after a second.
#pragma once

#include "../Workspace.h"
#include "Answer.h"
#include "Names.h"
#include "Request.h"

namespace tendril {

struct PortalOptions {
  // Origins of the pages that may use the portal beside its own, as
  // "https://cloud.example", of at most kMaxOrigin bytes. They live as long as the portal.
  const char* const* wizards = nullptr;
  uint8_t wizardCount = 0;
  // A token was given to the unit in the factory: a hand-over may come without.
  bool tokenKnown = false;
};

class Portal {
 public:
  Portal(SetupSockets& sockets, PortalDevice& device, Workspace& workspace, Board& board, const PortalOptions& options)
      : sockets_(sockets), device_(device), workspace_(workspace), board_(board), options_(options) {}

  // Opens the sockets; false if that fails. The workspace is the portal's from then
  // on. Nobody who was here before is remembered.
  bool open();
  // Ends all that is under way.
  void close();
  void tick(Millis now);

  // The most time for a request's head, for the whole of it, for a scan, and for a
  // client to take some of what it is sent.
  static constexpr uint32_t kRequestTime = 10000, kExchangeTime = 15000, kScanTime = 20000, kSilence = 10000;
  // How long a client is served at least where others wait.
  static constexpr uint32_t kShare = 1000;
  // How long a client that was answered early is listened to, so that the answer
  // isn't lost in what it still sends.
  static constexpr uint32_t kLinger = 500;

 private:
  // How often in one tick a client is heard or sent something.
  static constexpr int kRounds = 8;

  enum class State : uint8_t { Free, Asking, Scanning, Answering, Lingering };
  struct Client;
  struct Work;

  TENDRIL_ONCE void answerNames();
  TENDRIL_ONCE void acceptClients();
  TENDRIL_ONCE void makeRoom();
  TENDRIL_ONCE void serve(Client& client);
  TENDRIL_ONCE void hear(Client& client);
  TENDRIL_ONCE void take(Client& client, char c);
  TENDRIL_ONCE void head(Client& client);
  TENDRIL_ONCE void change(Client& client);
  void configure(Client& client);
  TENDRIL_ONCE void probe(Client& client);
  TENDRIL_ONCE void beginScan(Client& client);
  TENDRIL_ONCE void followScan();
  void refuse(Client& client, Parameter field);
  void tooLarge(Client& client);
  void say(Client& client, Say what);
  TENDRIL_ONCE void send(Client& client);
  void act(Client& client);
  void end(Client& client);
  bool isPhone(Address phone) const;
  TENDRIL_ONCE static Draft::Kind draftKind(BodyKind kind);

  SetupSockets& sockets_;
  PortalDevice& device_;
  Workspace& workspace_;
  Board& board_;
  PortalOptions options_;
  Site site_;
  Millis now_ = 0;
  Work* work_ = nullptr;  // in the workspace, while open
};

}  // namespace tendril
