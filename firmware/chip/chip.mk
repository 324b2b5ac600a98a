# make firmware-chip          the core compiled for the ESP8266's CPU, its cases run on a model of it
# make firmware-size          what it costs there, held to what is allowed
# make firmware-size-update   the same, written into docs/firmware.md

CHIP_BUILD = $(FIRMWARE_BUILD)/chip
CHIP_NEEDS = $(call needs_program,xtensa-lx106-elf-g++,gcc-xtensa-lx106) \
  $(call needs_file,/usr/lib/xtensa-lx106-elf/picolibc.specs,picolibc-xtensa-lx106-elf) \
  $(call needs_program,qemu-system-xtensa,qemu-system-misc)

# The flags of the ESP8266's Arduino core, so that sizes are those of a sketch.
CHIP_SPECS = -specs=/usr/lib/xtensa-lx106-elf/picolibc.specs
CHIP_FLAGS = $(CHIP_SPECS) -mlongcalls -mtext-section-literals -Os -g -falign-functions=4 -ffunction-sections -fdata-sections \
  -Wall -Wextra -Wconversion -Werror -MMD -DTENDRIL_ROM='__attribute__((section(".irom.text.tendril")))'
CHIP_CXXFLAGS = $(CHIP_FLAGS) -std=gnu++17 -fno-exceptions -fno-rtti -fno-threadsafe-statics -Ifirmware/src -Ifirmware -I$(FIRMWARE_BUILD)/generated
CHIP_LINK = xtensa-lx106-elf-gcc $(CHIP_SPECS) -nostartfiles -Wl,--gc-sections -T firmware/chip/chip.ld -Wl,--no-warn-rwx-segments

CHIP_CORE = $(patsubst firmware/%,$(CHIP_BUILD)/%.o,$(shell find firmware/src/Tendril -name '*.cpp'))
CHIP_CASES = $(patsubst firmware/%,$(CHIP_BUILD)/%.o,$(wildcard firmware/cases/*.cpp))
CHIP_START = $(addprefix $(CHIP_BUILD)/chip/,reset.S.o rom.c.o double.c.o Model.cpp.o)

# A minute is long: the cases take seconds. QEMU's exit code is the program's.
CHIP_RUN = timeout --foreground 60 qemu-system-xtensa -M sim -cpu lx106 -nographic -monitor none -serial none -semihosting -kernel

.PHONY: firmware-chip firmware-size firmware-size-update firmware-chip-needs

firmware-chip: $(CHIP_BUILD)/cases.elf
	@$(CHIP_RUN) $< </dev/null || { code=$$?; test $$code -ne 124 || echo "The cases did not end within a minute."; exit $$code; }

$(CHIP_BUILD)/cases.elf: $(CHIP_BUILD)/chip/run.cpp.o $(CHIP_START) $(CHIP_CORE) $(CHIP_CASES) firmware/chip/chip.ld
	@$(CHIP_LINK) -o $@ $(filter %.o,$^)

firmware-size firmware-size-update: $(CHIP_BUILD)/size.elf
	@$(CHIP_RUN) $< </dev/null >$(CHIP_BUILD)/size.txt || { cat $(CHIP_BUILD)/size.txt; exit 1; }
	@$(GO) run ./firmware/chip/size -map $(CHIP_BUILD)/size.map -ran $(CHIP_BUILD)/size.txt $(if $(findstring update,$@),-update docs/firmware.md)

$(CHIP_BUILD)/size.elf: $(CHIP_BUILD)/chip/size.cpp.o $(CHIP_START) $(CHIP_CORE) firmware/chip/chip.ld
	@$(CHIP_LINK) -Wl,-Map=$(@:.elf=.map) -o $@ $(filter %.o,$^)

$(CHIP_BUILD)/%.cpp.o: firmware/%.cpp | firmware-chip-needs firmware-tables
	@mkdir -p $(@D)
	@xtensa-lx106-elf-g++ $(CHIP_CXXFLAGS) -c -o $@ $<

$(CHIP_BUILD)/%.c.o: firmware/%.c | firmware-chip-needs
	@mkdir -p $(@D)
	@xtensa-lx106-elf-gcc $(CHIP_FLAGS) -std=gnu17 -c -o $@ $<

$(CHIP_BUILD)/%.S.o: firmware/%.S | firmware-chip-needs
	@mkdir -p $(@D)
	@xtensa-lx106-elf-gcc -c -o $@ $<

-include $(shell find $(CHIP_BUILD) -name '*.d' 2>/dev/null)

firmware-chip-needs:
	$(call firmware_install,$(CHIP_NEEDS),The firmware is compiled for the ESP8266$(comma) and its cases run on a model of that chip.)
