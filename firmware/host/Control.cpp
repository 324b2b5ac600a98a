#include "Control.h"

#include <fcntl.h>
#include <httplib.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace host {
namespace {

using nlohmann::json;

constexpr size_t kMaxBody = 64 << 10;
constexpr int64_t kHour = 3600000;

std::string complaint(const std::string& message) { return json{{"error", message}}.dump() + "\n"; }

struct Wrong : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The body as an object of no other members than these.
json object(const std::string& body, std::initializer_list<const char*> known) {
  json parsed;
  try {
    parsed = json::parse(body);
  } catch (const json::exception&) {
    throw Wrong("the body must be one JSON object");
  }
  if (!parsed.is_object()) throw Wrong("the body must be one JSON object");
  for (const auto& [key, value] : parsed.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) throw Wrong("the body must be one JSON object: unknown field \"" + key + "\"");
  }
  return parsed;
}

Hand button(const std::string& body) {
  const json press = object(body, {"held_ms"});
  const json held = press.value("held_ms", json());
  if (!held.is_number_integer() || held.get<int64_t>() < 0 || held.get<int64_t>() > kHour) throw Wrong("held_ms must be 0 to 3600000");
  Hand hand;
  hand.kind = Hand::Kind::Button;
  hand.heldMilliseconds = held.get<uint32_t>();
  return hand;
}

Hand power(const std::string& body) {
  const json plug = object(body, {"on", "cut_after_bytes"});
  const json on = plug.value("on", json()), after = plug.value("cut_after_bytes", json());
  const bool cuts = !after.is_null();
  if (!on.is_boolean() || (cuts && (!after.is_number_integer() || after.get<int64_t>() < 0 || after.get<int64_t>() > INT32_MAX))) {
    throw Wrong("on must be true or false, and cut_after_bytes 0 or more");
  }
  Hand hand;
  hand.kind = Hand::Kind::Power;
  hand.on = on.get<bool>();
  hand.cuts = cuts;
  if (cuts) hand.cutAfterBytes = after.get<uint32_t>();
  return hand;
}

Hand write(const std::string& body) {
  const json measured = object(body, {"pin", "value"});
  const json pin = measured.value("pin", json()), value = measured.value("value", json());
  const std::string name = pin.is_string() ? pin.get<std::string>() : "";
  const std::string digits = name.size() >= 2 && name.size() <= 4 && (name[0] == 'V' || name[0] == 'v') ? name.substr(1) : "";
  const bool numeric = !digits.empty() && digits.find_first_not_of("0123456789") == std::string::npos && std::stoi(digits) <= 255;
  if (!numeric || !value.is_string()) throw Wrong("pin must be a virtual pin as \"V5\", and value a string");
  Hand hand;
  hand.kind = Hand::Kind::Write;
  hand.pin = static_cast<uint8_t>(std::stoi(digits));
  hand.value = value.get<std::string>();
  return hand;
}

// A page in this machine's browser is no hand.
bool isPage(const httplib::Request& request) {
  if (request.has_header("Sec-Fetch-Site")) {
    const std::string site = request.get_header_value("Sec-Fetch-Site");
    return site != "same-origin" && site != "none";
  }
  if (!request.has_header("Origin")) return false;
  const std::string origin = request.get_header_value("Origin");
  const size_t scheme = origin.find("://");
  return scheme == std::string::npos || origin.substr(scheme + 3) != request.get_header_value("Host");
}

}  // namespace

Control::Control(const Endpoint& at) : server_(std::make_unique<httplib::Server>()) {
  if (::pipe2(wake_, O_NONBLOCK | O_CLOEXEC) != 0) throw std::runtime_error("--control: no pipe");
  server_->set_payload_max_length(kMaxBody);
  // Not the library's SO_REUSEPORT, by which two programs share a port unnoticed.
  server_->set_socket_options([](auto socket) {
    const int on = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  });
  const auto post = [this](const char* path, Hand (*parse)(const std::string&)) {
    server_->Post(path, [this, parse](const httplib::Request& request, httplib::Response& response) {
      Answer answer;
      try {
        answer = isPage(request) ? Answer{403, complaint("a page of another origin is no hand")} : ask(parse(request.body));
      } catch (const Wrong& e) {
        answer = {400, complaint(e.what())};
      }
      response.status = answer.status;
      response.set_content(answer.body, "application/json");
    });
  };
  post("/button", button);
  post("/power", power);
  post("/write", write);
  for (const auto& [path, kind] : {std::pair("/state", Hand::Kind::State), std::pair("/pins", Hand::Kind::Pins)}) {
    server_->Get(path, [this, kind = kind](const httplib::Request&, httplib::Response& response) {
      Hand hand;
      hand.kind = kind;
      const Answer answer = ask(hand);
      response.status = answer.status;
      response.set_content(answer.body, "application/json");
    });
  }
  // A request that waits for the next is no reason to hold a thread.
  server_->set_keep_alive_max_count(1);
  const std::string host = at.host.empty() ? "0.0.0.0" : at.host;
  const bool bound = at.port == 0 ? server_->bind_to_any_port(host.c_str()) > 0 : server_->bind_to_port(host.c_str(), at.port);
  if (!bound) {
    ::close(wake_[0]);
    ::close(wake_[1]);
    throw std::runtime_error("--control can't be listened on: " + host + ":" + std::to_string(at.port));
  }
  listening_ = std::thread([this] { server_->listen_after_bind(); });
}

Control::~Control() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  done_.notify_all();
  server_->stop();
  listening_.join();
  ::close(wake_[0]);
  ::close(wake_[1]);
}

Answer Control::ask(const Hand& hand) {
  Waiting one{hand, {}, false};
  std::unique_lock lock(mutex_);
  waiting_.push_back(&one);
  const char byte = 1;
  [[maybe_unused]] const auto n = ::write(wake_[1], &byte, 1);
  done_.wait(lock, [&] { return one.done || ended_; });
  return one.done ? one.answer : Answer{503, complaint("the program ends")};
}

void Control::serve(const std::function<Answer(const Hand&)>& act) {
  char bytes[64];
  while (::read(wake_[0], bytes, sizeof bytes) > 0) {
  }
  const std::lock_guard lock(mutex_);
  for (Waiting* one : waiting_) {
    one->answer = act(one->hand);
    one->done = true;
  }
  waiting_.clear();
  done_.notify_all();
}

}  // namespace host
