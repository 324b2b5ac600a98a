// The firmware as a program of this machine, in the place of `tendril device run`.
#include <csignal>
#include <iostream>

#include "Program.h"

namespace {

volatile std::sig_atomic_t ended = 0;

void end(int) { ended = 1; }

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGTERM, end);
  std::signal(SIGINT, end);
  try {
    const host::Options options = host::Options::parse(argc, argv);
    if (options.help) {
      std::cout << host::kHelp;
      return 0;
    }
    host::Program(options).run(ended);
    return 0;
  } catch (const host::UsageError& e) {
    std::cerr << "tendril-firmware: " << e.what() << "; see tendril-firmware --help\n";
    return 2;
  } catch (const std::exception& e) {
    std::cerr << "tendril-firmware: " << e.what() << "\n";
    return 1;
  }
}
