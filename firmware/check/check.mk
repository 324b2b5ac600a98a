# make firmware-ports   the library and the sketches, compiled against what we declare of the chips' Arduino cores

PORT_WARNINGS = -std=c++17 -fsyntax-only -Wall -Wextra -Wconversion -Werror -fno-exceptions -fno-rtti -Ifirmware/src
PORT_esp8266 = -DESP8266 -DARDUINO=10819 -isystem firmware/check/esp8266
PORT_esp32 = -DESP32 -DARDUINO=10819 -isystem firmware/check/esp32
PORT_NEEDS = $(call needs_program,g++,g++)
PORT_CORE = $(shell find firmware/src/Tendril -name '*.cpp')
PORT_SKETCHES = $(wildcard firmware/examples/*/*.ino)

# What a compiler, with its flags behind it, thinks of each of some files.
define port_compiles
	@set -e; for source in $(2); do $(1) $(PORT_WARNINGS) -x c++ $$source; done

endef

# Of one chip: its port, the core as that chip sees it, and the sketches, to which the
# Arduino IDE adds Arduino.h.
define port_whole
$(call port_compiles,$(1),$(wildcard firmware/src/ports/$(2)/*.cpp) $(PORT_CORE))
$(call port_compiles,$(1) -include Arduino.h,$(PORT_SKETCHES))
endef

.PHONY: firmware-ports

firmware-ports: firmware-chip-needs
	$(call firmware_install,$(PORT_NEEDS),The ports are compiled by it.)
	$(call port_whole,g++ $(PORT_esp8266),esp8266)
	$(call port_whole,g++ $(PORT_esp32),esp32)
	$(call port_compiles,g++ $(PORT_esp8266) -DCORE_MOCK=1,$(wildcard firmware/src/ports/esp8266/*.cpp))
	$(call port_whole,xtensa-lx106-elf-g++ $(CHIP_SPECS) -fno-threadsafe-statics $(PORT_esp8266),esp8266)
