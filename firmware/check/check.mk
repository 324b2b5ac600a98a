# make firmware-ports   the ports and the sketches, compiled against what we declare of the chips' Arduino cores

PORT_WARNINGS = -std=c++17 -fsyntax-only -Wall -Wextra -Wconversion -Werror -fno-exceptions -fno-rtti -Ifirmware/src
PORT_esp8266 = -DESP8266 -DARDUINO=10819 -isystem firmware/check/esp8266
PORT_esp32 = -DESP32 -DARDUINO=10819 -isystem firmware/check/esp32
PORT_NEEDS = $(call needs_program,g++,g++)
PORT_SKETCHES = firmware/examples/myPlant/myPlant.ino

# What a compiler, with its flags behind it, thinks of each of some files.
define port_compiles
	@set -e; for source in $(2); do $(1) $(PORT_WARNINGS) -x c++ $$source; done

endef

.PHONY: firmware-ports

firmware-ports: firmware-chip-needs
	$(call firmware_install,$(PORT_NEEDS),The ports are compiled by it.)
	$(foreach port,esp8266 esp32,$(call port_compiles,g++ $(PORT_$(port)),$(wildcard firmware/src/ports/$(port)/*.cpp $(PORT_SKETCHES))))
	$(call port_compiles,g++ $(PORT_esp8266) -DCORE_MOCK=1,$(wildcard firmware/src/ports/esp8266/*.cpp))
	$(call port_compiles,xtensa-lx106-elf-g++ $(CHIP_SPECS) -fno-threadsafe-statics $(PORT_esp8266),$(wildcard firmware/src/ports/esp8266/*.cpp $(PORT_SKETCHES)))
