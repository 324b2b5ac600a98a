#include "SetupNetwork.h"

#include <gtest/gtest.h>

namespace tests {

Reply parse(const std::string& text, bool head) {
  Reply reply;
  const size_t end = text.find("\r\n\r\n");
  if (end == std::string::npos || text.rfind("HTTP/1.1 ", 0) != 0) return reply;
  reply.status = std::stoi(text.substr(9, 3));
  size_t at = text.find("\r\n") + 2;
  while (at < end + 2) {
    const size_t line = text.find("\r\n", at), colon = text.find(": ", at);
    EXPECT_LT(colon, line);
    reply.headers.emplace(text.substr(at, colon - at), text.substr(colon + 2, line - colon - 2));
    at = line + 2;
  }
  reply.body = text.substr(end + 4);
  const std::string length = reply.header("Content-Length");
  reply.whole = head || reply.status == 204 ? reply.body.empty() : length == std::to_string(reply.body.size());
  // Every answer says so.
  EXPECT_EQ(reply.header("Cache-Control"), "no-store");
  EXPECT_EQ(reply.header("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(reply.header("Connection"), "close");
  return reply;
}

Reply SetupNetwork::raw(const std::string& text, size_t pace, size_t takes) {
  auto phone = call(text);
  phone->pace = pace;
  phone->takes = takes;
  for (int ticks = 0; !phone->dropped && ticks < 100000; ticks++) pass(10);
  EXPECT_TRUE(phone->dropped) << "no answer, and the connection stays open";
  const Reply reply = parse(phone->out, text.rfind("HEAD ", 0) == 0);
  EXPECT_TRUE(reply.status == 0 || reply.whole) << phone->out;
  return reply;
}

std::string request(const std::string& method, const std::string& target, const std::string& body, const std::vector<std::string>& headers) {
  std::string text = method + " " + target + " HTTP/1.1\r\n";
  bool host = false;
  for (const std::string& header : headers) {
    text += header + "\r\n";
    host = host || header.rfind("Host:", 0) == 0;
  }
  if (!host) text += "Host: 192.168.4.1\r\n";
  if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return text + "\r\n" + body;
}

Reply SetupNetwork::ask(const std::string& method, const std::string& target, const std::string& body, const std::vector<std::string>& headers) {
  return raw(request(method, target, body, headers));
}

}  // namespace tests
