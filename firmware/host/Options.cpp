#include "Options.h"

#include <cstdlib>
#include <functional>
#include <map>

namespace host {

const char* const kHelp =
    "Usage: tendril-firmware --product=TMPL… --name=STRING --air=FILE [flags]\n"
    "\n"
    "Run the firmware as a program of this machine. It is the device of the firmware\n"
    "template without the radio: its setup network is a port, and the air file says which\n"
    "networks are around it. It takes the flags of `tendril device run`.\n"
    "\n"
    "Flags:\n"
    "  --product=TMPL…           The product's id.\n"
    "  --name=STRING             The product's name.\n"
    "  --air=FILE                A JSON file of the WiFi networks around; it is read again when it changes.\n"
    "  --portal=ADDR             Where the setup network's portal listens while it is open (127.0.0.1:8081).\n"
    "  --portal-dns=ADDR         Where to answer DNS by UDP while the setup network is open. Default: nowhere.\n"
    "  --state=DIR               Where the unit's flash is kept (tendril-device).\n"
    "  --vendor=STRING           The product's vendor. It begins the setup network's name (Tendril).\n"
    "  --unit-suffix             End the setup network's name in 4 characters of the unit's own.\n"
    "  --cloud-host=HOST         The cloud that is compiled in, for a configuration that names none.\n"
    "  --cloud-port=PORT         Its plain port (80).\n"
    "  --cloud-tls-port=PORT     Its TLS port (443).\n"
    "  --ca=FILE                 Connect by TLS, trusting the certificates in this PEM file. Default: plain.\n"
    "  --control=ADDR            Where to serve hands: POST /button, /power and /write, GET /state and /pins.\n"
    "  --wizard-origin=URL       A page's origin that may use the portal. May be repeated.\n"
    "  --hurry=N                 Divide the waits of device and radio by N, 1 to 100: for tests (1).\n"
    "  --count=1                 How many units to run: this program runs one.\n"
    "  --json                    Print events as JSON, one a line.\n"
    "  --log-level=LEVEL         debug shows the serial console's lines on standard error.\n"
    "  --help                    Show this.\n"
    "\n"
    "A unit of a factory that flashes tokens takes its own from TENDRIL_TOKEN.\n";

namespace {

uint16_t port(const std::string& flag, const std::string& text) {
  char* end = nullptr;
  const unsigned long value = std::strtoul(text.c_str(), &end, 10);
  if (text.empty() || *end != 0 || value > 65535) throw UsageError("--" + flag + " must be a port, 0 to 65535");
  return static_cast<uint16_t>(value);
}

}  // namespace

Options Options::parse(int argc, const char* const* argv) {
  Options o;
  using Take = std::function<void(const std::string&)>;
  const auto text = [](std::string& into) { return Take([&into](const std::string& value) { into = value; }); };
  const std::map<std::string, Take> valued = {
      {"portal", text(o.portal)},
      {"portal-dns", text(o.portalDns)},
      {"state", text(o.state)},
      {"product", text(o.product)},
      {"name", text(o.name)},
      {"vendor", text(o.vendor)},
      {"air", text(o.air)},
      {"cloud-host", text(o.cloudHost)},
      {"cloud-port", [&o](const std::string& value) { o.cloudPort = port("cloud-port", value); }},
      {"cloud-tls-port", [&o](const std::string& value) { o.cloudTlsPort = port("cloud-tls-port", value); }},
      {"ca", text(o.ca)},
      {"control", text(o.control)},
      {"wizard-origin", [&o](const std::string& value) { o.wizardOrigins.push_back(value); }},
      {"hurry",
       [&o](const std::string& value) {
         o.hurry = port("hurry", value);
         if (o.hurry < 1 || o.hurry > 100) throw UsageError("--hurry must be 1 to 100");
       }},
      {"count", [](const std::string& value) { if (value != "1") throw UsageError("--count must be 1: this program runs one unit. Start it once for each"); }},
      {"log-level", [&o](const std::string& value) { o.verbose = value == "debug"; }},
      {"log-format", [](const std::string&) {}},
  };
  const std::map<std::string, bool*> switches = {{"unit-suffix", &o.unitSuffix}, {"json", &o.json}, {"help", &o.help}};
  int i = 1;
  // It stands for `tendril device run`, words and all.
  if (argc > 2 && std::string(argv[1]) == "device" && std::string(argv[2]) == "run") i = 3;
  for (; i < argc; i++) {
    const std::string word = argv[i];
    if (word.rfind("--", 0) != 0) throw UsageError("unexpected argument " + word);
    const size_t equals = word.find('=');
    const std::string flag = word.substr(2, equals == std::string::npos ? equals : equals - 2);
    if (const auto found = switches.find(flag); found != switches.end()) {
      *found->second = equals == std::string::npos || word.substr(equals + 1) == "true";
      continue;
    }
    const auto found = valued.find(flag);
    if (found == valued.end()) throw UsageError("unknown flag --" + flag);
    if (equals == std::string::npos && ++i == argc) throw UsageError("--" + flag + " needs a value");
    found->second(equals == std::string::npos ? argv[i] : word.substr(equals + 1));
  }
  if (o.help) return o;
  for (const auto& [flag, value] : {std::pair("product", o.product), std::pair("name", o.name), std::pair("air", o.air)}) {
    if (value.empty()) throw UsageError(std::string("missing flags: --") + flag);
  }
  if (o.product.rfind("TMPL", 0) != 0 || o.product.size() < 5) throw UsageError("the product must be a template id, TMPL and more");
  if (const char* token = std::getenv("TENDRIL_TOKEN"); token != nullptr) o.token = token;
  return o;
}

}  // namespace host
