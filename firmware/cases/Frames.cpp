// The frames that all implementations share (protocol/testdata/frames.json).
#include "Case.h"
#include "Tendril/Protocol/Frame.h"
#include "tables/Frames.h"

using namespace tendril;

CASE(frames_table) {
  for (const tables::FrameRow& row : tables::kFrames) {
    const uint8_t* const bytes = reinterpret_cast<const uint8_t*>(row.bytes.data);
    const FrameHeader header = parseHeader(bytes);
    CHECK_EQ(header.command, row.command);
    CHECK_EQ(header.id, row.id);
    CHECK_EQ(header.bodySize(), row.body.size);
    if (header.command == Command::Response) CHECK_EQ(header.status(), row.status);
    CHECK(row.bytes.from(kFrameHeader) == row.body);
    uint8_t again[kFrameHeader];
    putHeader(again, header);
    CHECK(memcmp(again, bytes, kFrameHeader) == 0);
  }
}

CASE(fields_of_a_body) {
  Text body("vw\0" "5\0\0x", 7);
  Text field;
  CHECK(takeField(body, field) && field == "vw");
  CHECK(takeField(body, field) && field == "5");
  CHECK(takeField(body, field) && field.empty());
  CHECK(!takeField(body, field) && field == "x");
  CHECK(!takeField(body, field) && field.empty());
}

CASE(numbers) {
  static const struct {
    const char* digits;
    uint32_t max;
    bool ok;
    uint32_t number;
  } kRows[] = {
      {"0", 9, true, 0},          {"65535", 65535, true, 65535}, {"65536", 65535, false, 0},      {"99999999999", 0xFFFFFFFF, false, 0},
      {"4294967295", 0xFFFFFFFF, true, 0xFFFFFFFF}, {"4294967296", 0xFFFFFFFF, false, 0}, {"", 9, false, 0}, {"-1", 9, false, 0}, {"1x", 99, false, 0},
  };
  for (const auto& row : kRows) {
    uint32_t number = 0;
    CHECK_EQ(parseNumber(row.digits, row.max, number), row.ok);
    CHECK_EQ(number, row.number);
  }
  uint8_t pin = 0;
  CHECK(parsePin("255", pin) && pin == 255);
  CHECK(parsePin("0", pin) && pin == 0);
  CHECK(!parsePin("256", pin) && !parsePin("05", pin) && !parsePin("", pin));
  CHECK(Digits(0).text() == "0");
  CHECK(Digits(65535).text() == "65535");
}
